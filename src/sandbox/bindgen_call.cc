#include "sandbox/bindgen_call.h"

#include <algorithm>
#include <utility>

#include "sandbox/bindgen_host.h"
#include "sandbox/instance.h"
#include "values/collections.h"

namespace realm::sandbox {

GuestCall::GuestCall(BindgenHost& host, const GuestFunction& function, RawValues arguments)
    : host_(host), function_(function), arguments_(std::move(arguments)) {}

GuestCall::~GuestCall() {
    if (activation_ != nullptr && activation_->waiting == this) {
        activation_->waiting = nullptr;
    }
    future_.reset();
    const TrapHandle trap(trap_);
    const ErrorHandle error(error_);
}

void GuestCall::begin() {
    results_.resize(function_.results.size());
    future_.reset(wasmtime_func_call_async(host_.context(), &function_.function, arguments_.data(),
                                           arguments_.size(), results_.data(), results_.size(),
                                           &trap_, &error_));
    for (wasmtime_val_t& argument : arguments_) {
        wasmtime_val_unroot(&argument);
    }
}

bool GuestCall::start() {
    activation_ = host_.activation();
    if (activation_ != nullptr && host_.depth() > host_.limits().nesting) {
        refused_ = true;
        for (wasmtime_val_t& argument : arguments_) {
            wasmtime_val_unroot(&argument);
        }
        return true;
    }
    if (host_.instance().exited()) {
        return true;
    }
    begin();
    return activation_ != nullptr ? wasmtime_call_future_poll(future_.get())
                                  : host_.instance().poll_at_once(*future_);
}

void GuestCall::wait(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    if (activation_ != nullptr) {
        activation_->waiting = this;
    } else {
        host_.instance().begin_adapted(std::move(future_), function_.name, waiting);
    }
}

bool GuestCall::poll() {
    if (!wasmtime_call_future_poll(future_.get())) {
        return false;
    }
    activation_->waiting = nullptr;
    waiting_.resume();  // which may be the end of this object
    return true;
}

BindgenBreath::~BindgenBreath() {
    if (activation_ != nullptr && activation_->waiting == this) {
        activation_->waiting = nullptr;
    }
}

void BindgenBreath::wait(std::coroutine_handle<> waiting) {
    waiting_ = waiting;
    turn_ = host_.instance().turn();
    activation_ = host_.activation();
    if (activation_ != nullptr) {
        activation_->waiting = this;
    } else {
        host_.instance().begin_breath(waiting);
    }
}

bool BindgenBreath::poll() {
    if (host_.instance().turn() == turn_) {
        return false;
    }
    activation_->waiting = nullptr;
    waiting_.resume();  // which may be the end of this object
    return true;
}

void BindgenBreath::go_on() {
    if (activation_ == nullptr) {
        host_.on_this_stack();
    }
}

values::Completion<values::Value> GuestCall::take() {
    future_.reset();
    if (activation_ == nullptr && waiting_) {
        host_.on_this_stack();
    }
    if (refused_) {
        return host_.world().range_error("Maximum call stack size exceeded");
    }
    Instance& instance = host_.instance();
    if (trap_ != nullptr || error_ != nullptr) {
        return std::unexpected(host_.failure_of(std::exchange(trap_, nullptr),
                                                std::exchange(error_, nullptr), function_.name));
    }
    if (instance.exited()) {
        return std::unexpected(values::Thrown(instance.exit_error()));
    }
    if (results_.size() == 1) {
        return host_.take_raw(results_[0]);
    }
    std::vector<values::Value> list;
    for (wasmtime_val_t& result : results_) {
        list.push_back(host_.take_raw(result));
    }
    return list.empty() ? values::Value() : values::Value(host_.world().array(std::move(list)));
}

}  // namespace realm::sandbox
