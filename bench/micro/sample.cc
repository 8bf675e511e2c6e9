#include "bench/micro/sample.h"

#include "host/base/digest.h"
#include "host/base/views.h"

namespace tidegate::bench {

Sample MakeSample(size_t count, uint64_t seed) {
  Sample sample;
  sample.items = MakeStored(TIDEGATE_SOURCE_DIR, MakeProperties(TIDEGATE_SOURCE_DIR, count, seed), seed);
  for (size_t i = 0; i < count; ++i) {
    const StoredItem& item = sample.items[i];
    tg_change change{};
    change.struct_size = sizeof change;
    change.kind = TG_CHANGE_ITEM;
    change.direction = TG_DIRECTION_UP;
    change.lane = TG_LANE_HISTORY;
    change.model = Str("Reading");
    change.key = {11, Str(item.pk), Str(item.sk)};
    change.src = 11;
    change.dst = 1;
    change.version = {115'823'367'127'891'968 + i, 11, 0x123456789abcdef0};
    change.body = Bytes(item.body);
    change.digest = ChangeDigest(change);
    change.seq = change.run_first = change.run_last = i + 1;
    sample.changes.push_back(change);
  }
  return sample;
}

}  // namespace tidegate::bench
