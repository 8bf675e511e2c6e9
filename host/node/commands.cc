// Commands: down items that make a program run, once by key, while they have no answer (an up item whose key is made
// of the same fields). docs/replication.md, "Commands".
#include "host/base/views.h"
#include "host/core/expiry.h"
#include "host/node/impl.h"
#include "host/schema/item.h"

namespace tidegate::node {

Result<std::string> Node::Impl::ShowItem(const replica::ModelRule& rule, const tg_change& change) const {
  return Present(*rule.model, View(change.body), View(change.key.pk), View(change.key.sk),
                 {change.src, change.dst, change.key.owner}, true);
}

bool Node::Impl::HasAnswer(const replica::ModelRule& answer, AgentId owner, const std::string& key_json) const {
  auto key = KeyFromProperties(*answer.model, key_json);
  if (!key.ok()) return false;
  bool there = false;
  Status got = deps_.storage.Get({owner, Str(key->pk), Str(key->sk)}, [&](const tg_change& change) {
    there = change.kind == TG_CHANGE_ITEM && View(change.model) == answer.name;
    return false;
  });
  // What cannot be read is not run.
  return there || (!got.ok() && got.code() != Code::kNotFound);
}

Status Node::Impl::ForEachCommand(const replica::ModelRule& rule, std::optional<AgentId> owner,
                                  const CommandFn& fn) const {
  tg_query query{};
  query.struct_size = sizeof query;
  query.model = Str(rule.name);
  if (owner) {
    query.flags = TG_QUERY_OWNER;
    query.owner = *owner;
  }
  query.limit = 256;
  const int64_t now_ms = deps_.clock.expiry_ms();
  std::string cursor;
  do {
    query.cursor = Bytes(cursor);
    core::ChangeArena arena;
    std::vector<tg_change> page;
    Result<std::string> next = deps_.storage.Query(query, [&](const tg_change& change) {
      if (change.kind == TG_CHANGE_ITEM && !core::IsExpired(change, now_ms)) page.push_back(arena.Copy(change));
      return true;
    });
    if (!next.ok()) return next.status();
    cursor = std::move(next).value();
    for (const tg_change& change : page) {
      auto shown = ShowItem(rule, change);
      if (!shown.ok()) continue;
      auto key = KeyPropertiesFor(*rule.answer->model, *shown);
      if (!key.ok()) continue;
      // To all: each answers for itself.
      AgentId answers = change.key.owner == kAgentAll ? options_.agent : change.key.owner;
      fn(rule, change, *shown, *key, HasAnswer(*rule.answer, answers, *key));
    }
  } while (!cursor.empty());
  return {};
}

Result<CommandList> Node::Impl::Commands(const std::string& model) const {
  auto catalog = deps_.catalog.Get();
  const replica::ModelRule* rule = catalog->Find(model);
  if (rule == nullptr) return Status::NotFound("no model '" + model + "' in the schemas of this node");
  if (rule->answer == nullptr) {
    return Status::Invalid("the items of " + model +
                           " are no commands: name the model of their answers in the schema, "
                           "process: {" +
                           model + ": {sync: 'down', answer: 'MODEL'}}");
  }
  CommandList list;
  list.answer_model = rule->answer->name;
  for (const char* field : {"code", "output"}) {
    if (!rule->answer->model->HasField(field)) list.answer_lacks.emplace_back(field);
  }
  if (marks_.Covers(options_.agent) || marks_.Covers(kAgentAll) || asked_answers_.all()) {
    list.waits_for =
        "what this node did before it started or was connected is not compared with its parent yet; a command that it "
        "has answered must not run again";
    return list;
  }
  for (AgentId owner : {options_.agent, kAgentAll}) {
    TG_RETURN_IF_ERROR(ForEachCommand(*rule, owner,
                                      [&](const replica::ModelRule& of, const tg_change& command,
                                          const std::string& shown, const std::string& key, bool answered) {
                                        if (answered) return;
                                        if (command.expires_ms != 0 && clock_judge_.Suspends()) {
                                          list.waits_for =
                                              "a command may have expired, and the clock of this node is in doubt; "
                                              "such a one must not run late";
                                          return;
                                        }
                                        auto name = KeyFromProperties(*of.answer->model, key);
                                        if (name.ok() && asked_answers_.Covers({name->pk, name->sk})) {
                                          list.waits_for =
                                              "it is asked, up to the server, whether a command was answered "
                                              "before, which must not run again; nobody could tell yet";
                                          return;
                                        }
                                        list.commands.push_back({shown, of.answer->name, key, command.key.owner,
                                                                 std::string(View(command.key.pk)),
                                                                 std::string(View(command.key.sk))});
                                      }));
  }
  return list;
}

// ---- what this node may have forgotten (it is asked for in answers_above.cc) ----

// Unanswered commands of this node: the keys of their answers, which another life of it may have given.
void Node::Impl::ForEachMissingAnswer(const AskedAnswers::KeyFn& fn) const {
  auto catalog = deps_.catalog.Get();
  if (!catalog->has_commands()) return;
  for (const replica::ModelRule& rule : catalog->rules()) {
    if (rule.answer == nullptr) continue;
    for (AgentId owner : {options_.agent, kAgentAll}) {
      Status read = ForEachCommand(rule, owner,
                                   [&](const replica::ModelRule& of, const tg_change&, const std::string&,
                                       const std::string& key_json, bool answered) {
                                     if (answered) return;
                                     auto key = KeyFromProperties(*of.answer->model, key_json);
                                     if (key.ok()) fn({key->pk, key->sk});
                                   });
      if (!read.ok()) deps_.log.Write(3, "cannot read the commands: " + read.message());
    }
  }
}

// At a start and when the parent is there again: a backup, or an older state of a virtual machine, may lack answers
// that those above have, and what was removed since.
void Node::Impl::DoubtAnswers() {
  if (options_.role == TG_ROLE_SERVER) return;
  bool lacks = false;
  ForEachMissingAnswer([&](AskedAnswers::Key) { lacks = true; });
  if (!lacks) return;
  asked_answers_.DoubtAll();
  stage_.Begin();
  marks_.Add(false, options_.agent);
  marks_.Stage();
  stage_.End();
}

// A committed change: a command to this node. Its key may be one that an earlier life has answered, or whose answer was
// dropped since with the command of then; it is asked about before anything runs.
void Node::Impl::NoteCommand(const tg_change& change) {
  if (change.kind != TG_CHANGE_ITEM || change.via == 0) return;
  if (change.key.owner != kAgentAll && change.key.owner != options_.agent) return;
  const replica::ModelRule* rule = deps_.catalog.Get()->Find(View(change.model));
  if (rule == nullptr || rule->answer == nullptr) return;
  auto shown = ShowItem(*rule, change);
  auto json = shown.ok() ? KeyPropertiesFor(*rule->answer->model, *shown) : shown;
  if (!json.ok() || HasAnswer(*rule->answer, options_.agent, *json)) return;
  if (auto key = KeyFromProperties(*rule->answer->model, *json); key.ok()) asked_answers_.Doubt({key->pk, key->sk});
}

// An answer that this node gave and has forgotten: those above give it back.
bool Node::Impl::IsOwnAnswer(const tg_change& change) const {
  if (change.direction != TG_DIRECTION_UP || change.key.owner != options_.agent ||
      change.version.agent != options_.agent)
    return false;
  auto catalog = deps_.catalog.Get();
  const replica::ModelRule* rule = catalog->Find(View(change.model));
  return rule != nullptr && rule->command != nullptr;
}

// Whether a command that it answers is still here: until that is removed or has expired, the answer says that it has
// run.
bool Node::Impl::KeepsAnswer(const tg_change& change) {
  auto catalog = deps_.catalog.Get();
  if (!catalog->has_commands()) return false;
  const replica::ModelRule* rule = catalog->Find(View(change.model));
  if (rule == nullptr || rule->command == nullptr) return false;
  std::optional<tg_change> answer = StateOf(change.key);
  if (!answer) return false;
  auto shown = ShowItem(*rule, *answer);
  auto json = shown.ok() ? KeyPropertiesFor(*rule->command->model, *shown) : shown;
  if (!json.ok()) return false;
  auto key = KeyFromProperties(*rule->command->model, *json);
  if (!key.ok()) return false;
  for (AgentId owner : {change.key.owner, kAgentAll}) {
    std::optional<tg_change> command = StateOf({owner, Str(key->pk), Str(key->sk)});
    if (command && command->kind == TG_CHANGE_ITEM && View(command->model) == rule->command->name &&
        !core::IsExpired(*command, deps_.clock.expiry_ms()))
      return true;
  }
  return false;
}

// ---- the server ----

// After a start: what was answered before and not yet removed.
void Node::Impl::FindAnswered() {
  auto catalog = deps_.catalog.Get();
  if (options_.role != TG_ROLE_SERVER || !catalog->has_commands()) return;
  for (const replica::ModelRule& rule : catalog->rules()) {
    if (rule.answer == nullptr) continue;
    Status read = ForEachCommand(rule, std::nullopt,
                                 [&](const replica::ModelRule& of, const tg_change& command, const std::string& shown,
                                     const std::string&, bool answered) {
                                   if (!answered || command.key.owner == kAgentAll) return;
                                   auto key = KeyPropertiesFor(*of.model, shown);
                                   if (key.ok()) answered_.push_back({command.key.owner, of.name, *key});
                                 });
    if (!read.ok()) deps_.log.Write(3, "cannot read the commands: " + read.message());
  }
}

// A committed change: an answer ends its command; so does a command that comes after its answer.
void Node::Impl::NoteAnswered(const tg_change& change) {
  if (change.kind != TG_CHANGE_ITEM || change.key.owner == kAgentAll) return;
  auto catalog = deps_.catalog.Get();
  const replica::ModelRule* rule = catalog->Find(View(change.model));
  if (rule == nullptr || (rule->command == nullptr && rule->answer == nullptr)) return;
  auto shown = ShowItem(*rule, change);
  if (!shown.ok()) return;
  const replica::ModelRule& command = rule->command != nullptr ? *rule->command : *rule;
  if (rule->answer != nullptr) {
    auto answer = KeyPropertiesFor(*rule->answer->model, *shown);
    if (!answer.ok() || !HasAnswer(*rule->answer, change.key.owner, *answer)) return;
  }
  auto key = KeyPropertiesFor(*command.model, *shown);
  if (!key.ok()) return;
  answered_.push_back({change.key.owner, command.name, std::move(key).value()});
  answered_again_ = false;
}

void Node::Impl::RemoveAnswered() {
  constexpr size_t kInACommit = 256;
  for (size_t i = 0; !answered_.empty() && i < kInACommit; ++i) {
    AnsweredCommand answered = std::move(answered_.front());
    answered_.pop_front();
    replica::Write write;
    write.mode = replica::WriteMode::kRemove;
    write.model = answered.model;
    write.properties = answered.key;
    write.owner = answered.owner;
    write.answer_item = false;
    Write({write}, [this, answered](const replica::WriteAnswer& answer) {
      if (answer.status.ok()) deps_.metrics.Add("tidegate_commands_answered_total", 1);
      if (answer.status.ok() || answer.status.code() == Code::kNotFound || answer.status.code() == Code::kInvalid)
        return;
      answered_.push_back(answered);  // the disk did not take it
      answered_again_ = true;
    });
  }
}

}  // namespace tidegate::node
