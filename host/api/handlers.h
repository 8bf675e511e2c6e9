// The handlers, each of one method and path (host/api/routes.cc), grouped in files by subject.
// A handler returns an error to be sent, or has answered itself.
// Thread safety: each call belongs to one connection's thread. Ownership: none.
#pragma once

#include <string>
#include <vector>

#include "host/api/context.h"
#include "host/api/exchange.h"
#include "host/api/params.h"

namespace tidegate::api {

// What a handler gets: args are the {} of its path.
struct Call {
  Context& context;
  Exchange& exchange;
  Params params;
  std::vector<std::string> args;
};

// write.cc
Status PostItems(Call& call);
Status DeleteItem(Call& call);
Status PostTransaction(Call& call);
// bulk.cc
Status PostLines(Call& call, replica::Write pattern, bool return_items);
// read.cc
Status GetItems(Call& call);
Status PostFind(Call& call);
Status PostGet(Call& call);
Status GetVerify(Call& call);
// watch.cc
Status GetWatch(Call& call);
// links.cc
Status GetLinks(Call& call);
Status PostLinkOn(Call& call);
Status PostLinkOff(Call& call);
Status PostLinkSync(Call& call);
Status PostLinkVerify(Call& call);
Status PostClear(Call& call);
// losses.cc
Status GetLosses(Call& call);
Status PostLossesConfirm(Call& call);
// quarantine.cc
Status GetQuarantine(Call& call);
Status GetQuarantined(Call& call);
Status PostQuarantineRetry(Call& call);
Status PostQuarantineDrop(Call& call);
// node.cc
Status PostSync(Call& call);
Status GetStatus(Call& call);
Status GetConflicts(Call& call);
Status GetConflict(Call& call);
Status PostConflictRestore(Call& call);
Status GetCommands(Call& call);
Status PostAdopt(Call& call);
Status PostLevel(Call& call);
Status PostBackup(Call& call);
Status GetHealth(Call& call);
Status GetMetrics(Call& call);

}  // namespace tidegate::api
