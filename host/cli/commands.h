// The commands of tidegate. Each file of commands makes the table entries of its own.
// Thread safety: one thread. Ownership: tables are built once, in main.
#pragma once

#include <vector>

#include "host/cli/arguments.h"

namespace tidegate::cli {

Command PutCommand();          // put.cc
Command TransactionCommand();  // transaction.cc
Command GetCommand();          // read.cc
Command FindCommand();
Command RemoveCommand();  // transaction.cc
Command WatchCommand();   // watch.cc
Command SyncCommand();    // node.cc
Command VerifyCommand();
Command QuarantineListCommand();  // quarantine.cc
Command QuarantineShowCommand();
Command QuarantineRetryCommand();
Command QuarantineDropCommand();
Command ConflictsListCommand();  // conflicts.cc
Command ConflictsShowCommand();
Command ConflictsRestoreCommand();
Command CommandListCommand();  // command.cc
Command CommandRunCommand();
Command AdoptCommand();  // node.cc
Command BackupCommand();
Command LevelSetCommand();  // level.cc
Command LevelResetCommand();
Command ClearCommand();  // link.cc
Command LinkListCommand();
Command LinkOnCommand();
Command LinkOffCommand();
Command LinkSyncCommand();
Command LossesListCommand();  // losses.cc
Command LossesConfirmCommand();
Command RestoreCommand();  // offline.cc
Command RenewCommand();
Command StatusCommand();      // status.cc
Command PluginListCommand();  // plugin.cc
Command PluginInfoCommand();

std::vector<Command> AllCommands();

}  // namespace tidegate::cli
