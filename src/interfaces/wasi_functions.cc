// The names under which programs import WASI preview 1.
#include "interfaces/run_host.h"

namespace realm::interfaces {
namespace {

template <auto kMethod>
sandbox::HostFunction file_call(std::string name) {
    return sandbox::bind<&RunHost::wasi_files, kMethod>(std::move(name),
                                                        std::string(wasi::kModule));
}

template <auto kMethod>
sandbox::HostFunction system_call(std::string name) {
    return sandbox::bind<&RunHost::wasi_system, kMethod>(std::move(name),
                                                         std::string(wasi::kModule));
}

}  // namespace

std::vector<sandbox::HostFunction> wasi_functions() {
    return {
        file_call<&WasiFiles::fd_advise>("fd_advise"),
        file_call<&WasiFiles::fd_allocate>("fd_allocate"),
        file_call<&WasiFiles::fd_close>("fd_close"),
        file_call<&WasiFiles::fd_datasync>("fd_datasync"),
        file_call<&WasiFiles::fd_fdstat_get>("fd_fdstat_get"),
        file_call<&WasiFiles::fd_fdstat_set_flags>("fd_fdstat_set_flags"),
        file_call<&WasiFiles::fd_fdstat_set_rights>("fd_fdstat_set_rights"),
        file_call<&WasiFiles::fd_filestat_get>("fd_filestat_get"),
        file_call<&WasiFiles::fd_filestat_set_size>("fd_filestat_set_size"),
        file_call<&WasiFiles::fd_filestat_set_times>("fd_filestat_set_times"),
        file_call<&WasiFiles::fd_pread>("fd_pread"),
        file_call<&WasiFiles::fd_prestat_get>("fd_prestat_get"),
        file_call<&WasiFiles::fd_prestat_dir_name>("fd_prestat_dir_name"),
        file_call<&WasiFiles::fd_pwrite>("fd_pwrite"),
        file_call<&WasiFiles::fd_read>("fd_read"),
        file_call<&WasiFiles::fd_readdir>("fd_readdir"),
        file_call<&WasiFiles::fd_renumber>("fd_renumber"),
        file_call<&WasiFiles::fd_seek>("fd_seek"),
        file_call<&WasiFiles::fd_sync>("fd_sync"),
        file_call<&WasiFiles::fd_tell>("fd_tell"),
        file_call<&WasiFiles::fd_write>("fd_write"),
        file_call<&WasiFiles::path_create_directory>("path_create_directory"),
        file_call<&WasiFiles::path_filestat_get>("path_filestat_get"),
        file_call<&WasiFiles::path_filestat_set_times>("path_filestat_set_times"),
        file_call<&WasiFiles::path_link>("path_link"),
        file_call<&WasiFiles::path_open>("path_open"),
        file_call<&WasiFiles::path_readlink>("path_readlink"),
        file_call<&WasiFiles::path_remove_directory>("path_remove_directory"),
        file_call<&WasiFiles::path_rename>("path_rename"),
        file_call<&WasiFiles::path_symlink>("path_symlink"),
        file_call<&WasiFiles::path_unlink_file>("path_unlink_file"),
        file_call<&WasiFiles::sock_accept>("sock_accept"),
        file_call<&WasiFiles::sock_recv>("sock_recv"),
        file_call<&WasiFiles::sock_send>("sock_send"),
        file_call<&WasiFiles::sock_shutdown>("sock_shutdown"),
        system_call<&WasiSystem::args_get>("args_get"),
        system_call<&WasiSystem::args_sizes_get>("args_sizes_get"),
        system_call<&WasiSystem::environ_get>("environ_get"),
        system_call<&WasiSystem::environ_sizes_get>("environ_sizes_get"),
        system_call<&WasiSystem::clock_res_get>("clock_res_get"),
        system_call<&WasiSystem::clock_time_get>("clock_time_get"),
        system_call<&WasiSystem::poll_oneoff>("poll_oneoff"),
        system_call<&WasiSystem::proc_exit>("proc_exit"),
        system_call<&WasiSystem::proc_raise>("proc_raise"),
        system_call<&WasiSystem::random_get>("random_get"),
        system_call<&WasiSystem::sched_yield>("sched_yield"),
    };
}

}  // namespace realm::interfaces
