#include "interfaces/run_host.h"

#include <realm/realm.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace realm::interfaces {

RunHost::RunHost(const SharedServices& services, const RunHostLimits& limits,
                 inference::Account account, std::shared_ptr<RunPort> run,
                 std::shared_ptr<LogPort> log_port, WasiConfig wasi)
    : state(std::make_shared<CallState>()),
      model_table(std::make_shared<ModelTable>()),
      context_table(std::make_shared<ContextTable>(limits.contexts)),
      request(std::move(run), state),
      results(state),
      log(std::move(log_port), limits.log, services.time),
      model(services.models, services.workers, account.tenant, model_table, state, limits.model),
      context(model_table, context_table, std::move(account), state),
      sampling(context_table, state),
      wasi_files(log, services.time, wasi.scratch),
      wasi_system(std::move(wasi), wasi_files, services.time) {}

void RunHost::flush() {
    wasi_files.flush();
    log.flush();
}

void write_console(void* host, std::int32_t level, std::string_view text) {
    // JavaScript has two levels below information: debug and log, of which the second is that.
    constexpr std::array kLevels = {REALM_LOG_DEBUG, REALM_LOG_INFO, REALM_LOG_INFO, REALM_LOG_WARN,
                                    REALM_LOG_ERROR};
    auto& log = static_cast<RunHost*>(host)->log;
    const auto chosen = kLevels[static_cast<std::size_t>(
        std::clamp<std::int32_t>(level, 0, static_cast<std::int32_t>(kLevels.size()) - 1))];
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        log.write(chosen, text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

std::vector<sandbox::HostFunction> host_functions() {
    using sandbox::bind;
    std::vector<sandbox::HostFunction> functions{
        bind<&RunHost::request, &RequestInterface::data>("realm_request_data"),
        bind<&RunHost::request, &RequestInterface::meta>("realm_request_meta"),
        bind<&RunHost::request, &RequestInterface::emit>("realm_emit"),
        bind<&RunHost::request, &RequestInterface::reply>("realm_reply"),
        bind<&RunHost::request, &RequestInterface::fail>("realm_fail"),
        bind<&RunHost::request, &RequestInterface::cancelled>("realm_cancelled"),
        bind<&RunHost::request, &RequestInterface::time_left_ms>("realm_time_left_ms"),
        bind<&RunHost::results, &ResultInterface::take>("realm_take"),
        bind<&RunHost::results, &ResultInterface::last_error>("realm_last_error"),
        bind<&RunHost::log, &LogInterface::write>("realm_log"),
        bind<&RunHost::model, &ModelInterface::open>("realm_model_open"),
        bind<&RunHost::model, &ModelInterface::describe>("realm_model_describe"),
        bind<&RunHost::model, &ModelInterface::name>("realm_model_name"),
        bind<&RunHost::model, &ModelInterface::tokenize>("realm_tokenize"),
        bind<&RunHost::model, &ModelInterface::detokenize>("realm_detokenize"),
        bind<&RunHost::model, &ModelInterface::apply_template>("realm_apply_template"),
        bind<&RunHost::context, &ContextInterface::create>("realm_context_create"),
        bind<&RunHost::context, &ContextInterface::prefill>("realm_context_prefill"),
        bind<&RunHost::context, &ContextInterface::length>("realm_context_length"),
        bind<&RunHost::context, &ContextInterface::reused>("realm_context_reused"),
        bind<&RunHost::context, &ContextInterface::drop>("realm_context_drop"),
        bind<&RunHost::sampling, &SamplingInterface::set>("realm_context_sampling"),
        bind<&RunHost::context, &ContextInterface::step>("realm_context_step"),
        bind<&RunHost::context, &ContextInterface::generate>("realm_context_generate"),
        bind<&RunHost::context, &ContextInterface::next>("realm_context_next"),
        bind<&RunHost::context, &ContextInterface::stop>("realm_context_stop"),
        bind<&RunHost::context, &ContextInterface::fork>("realm_context_fork"),
        bind<&RunHost::context, &ContextInterface::truncate>("realm_context_truncate"),
        bind<&RunHost::context, &ContextInterface::share>("realm_context_share"),
        bind<&RunHost::context, &ContextInterface::priority>("realm_context_priority"),
        bind<&RunHost::sampling, &SamplingInterface::typical>("realm_context_typical"),
        bind<&RunHost::sampling, &SamplingInterface::repetition>("realm_context_repetition"),
        bind<&RunHost::sampling, &SamplingInterface::logit_bias>("realm_context_logit_bias"),
        bind<&RunHost::sampling, &SamplingInterface::mask>("realm_context_mask"),
        bind<&RunHost::sampling, &SamplingInterface::min_tokens>("realm_context_min_tokens"),
        bind<&RunHost::sampling, &SamplingInterface::step_many>("realm_context_step_many"),
        bind<&RunHost::sampling, &SamplingInterface::logits>("realm_context_logits"),
        bind<&RunHost::sampling, &SamplingInterface::top>("realm_context_top"),
    };
    std::ranges::move(wasi_functions(), std::back_inserter(functions));
    return functions;
}

}  // namespace realm::interfaces
