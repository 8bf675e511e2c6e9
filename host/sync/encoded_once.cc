#include "host/sync/encoded_once.h"

#include <algorithm>

#include "host/wire/change_list.h"

namespace tidegate::sync {

std::shared_ptr<const std::string> EncodedOnce::Of(const std::vector<tg_change>& changes) {
  auto same = [&](const List& list) {
    return std::equal(list.seqs.begin(), list.seqs.end(), changes.begin(), changes.end(),
                      [](uint64_t seq, const tg_change& change) { return seq == change.seq; });
  };
  auto found = std::find_if(lists_.begin(), lists_.end(), [&](const List& list) { return list.bytes && same(list); });
  if (found != lists_.end()) return found->bytes;
  List& list = lists_[oldest_++ % kListsMax];
  list.seqs.clear();
  for (const tg_change& change : changes) list.seqs.push_back(change.seq);
  list.bytes = std::make_shared<const std::string>(wire::EncodeChangeList(changes));
  ++encoded_;
  return list.bytes;
}

}  // namespace tidegate::sync
