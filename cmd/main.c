/* The program: every command is a row of this table, and lives in its own cmd_*.c. */
#include "cli.h"

#define COMMANDS(X)        \
  X(cmd_create_cluster)    \
  X(cmd_delete_cluster)    \
  X(cmd_delete_clusters)   \
  X(cmd_start_cluster)     \
  X(cmd_stop_cluster)      \
  X(cmd_get_clusters)      \
  X(cmd_get_kubeconfig)    \
  X(cmd_get_token)         \
  X(cmd_export_kubeconfig) \
  X(cmd_config_gates)      \
  X(cmd_serve)             \
  X(cmd_apply)             \
  X(cmd_kget)              \
  X(cmd_describe)          \
  X(cmd_kdelete)           \
  X(cmd_logs)              \
  X(cmd_wait)              \
  X(cmd_device_list)       \
  X(cmd_device_fail)       \
  X(cmd_device_heal)       \
  X(cmd_device_unplug)     \
  X(cmd_device_plug)       \
  X(cmd_device_set)        \
  X(cmd_driver_fault)      \
  X(cmd_driver_heal)       \
  X(cmd_explain)           \
  X(cmd_timeline)          \
  X(cmd_cel_eval)          \
  X(cmd_cel_lint)          \
  X(cmd_cel_devices)       \
  X(cmd_cel_repl)          \
  X(cmd_allocate)          \
  X(cmd_validate)          \
  X(cmd_convert)           \
  X(cmd_snapshot_save)     \
  X(cmd_snapshot_restore)  \
  X(cmd_store_compact)     \
  X(cmd_store_status)      \
  X(cmd_doctor)            \
  X(cmd_sandbox_init)      \
  X(cmd_version)           \
  X(cmd_completion)

#define X(name) extern const struct cli_command name;
COMMANDS(X)
#undef X

int
main(int argc, char **argv)
{
  static const struct cli_command *const commands[] = {
#define X(name) &name,
    COMMANDS(X)
#undef X
  };

  return cli_main(commands, ARRAY_SIZE(commands), argc, argv);
}
