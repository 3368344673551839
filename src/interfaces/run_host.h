// Everything one instance may call, and the list of names under which it calls it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/time_source.h"
#include "interfaces/call_state.h"
#include "interfaces/context.h"
#include "interfaces/log.h"
#include "interfaces/model.h"
#include "interfaces/request.h"
#include "interfaces/sampling.h"
#include "interfaces/text_workers.h"
#include "interfaces/wasi_files.h"
#include "interfaces/wasi_system.h"
#include "sandbox/host_function.h"

namespace realm::interfaces {

// What one instance may use.
struct RunHostLimits {
    LogLimits log;
    ContextLimits contexts;
    ModelLimits model;
};

// What all runs share; outlives them.
struct SharedServices {
    const ModelDirectory& models;
    TextWorkers& workers;
    base::TimeSource& time;
};

// The host object of one instance: made for a run, given to sandbox::Executor::start, gone with
// the instance. Host functions reach it one call at a time.
struct RunHost {
    // `account`: to whom the model's time goes.
    RunHost(const SharedServices& services, const RunHostLimits& limits, inference::Account account,
            std::shared_ptr<RunPort> run, std::shared_ptr<LogPort> log_port, WasiConfig wasi = {});

    // Logs what is left of a run. Between two runs of a kept instance; its end does the same.
    void flush();

    std::shared_ptr<CallState> state;
    std::shared_ptr<ModelTable> model_table;
    std::shared_ptr<ContextTable> context_table;
    RequestInterface request;
    ResultInterface results;
    LogInterface log;
    ModelInterface model;
    ContextInterface context;
    SamplingInterface sampling;
    WasiFiles wasi_files;
    WasiSystem wasi_system;
};

// What a program prints through JavaScript's console, as sandbox::RuntimeOptions wants it: to the
// run's log, line by line.
void write_console(void* host, std::int32_t level, std::string_view text);

// What programs may import, from "env" and from WASI's module, for sandbox::Runtime::create. The
// calls expect a RunHost behind the host pointer.
std::vector<sandbox::HostFunction> host_functions();

// WASI's part of it.
std::vector<sandbox::HostFunction> wasi_functions();

}  // namespace realm::interfaces
