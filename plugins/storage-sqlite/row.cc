#include "row.h"

namespace tidegate::sqlite {
namespace {

void AppendText(std::string& to, tg_str text) {
  const auto size = static_cast<uint32_t>(text.size);
  for (int shift = 0; shift < 32; shift += 8) to += static_cast<char>(size >> shift & 0xff);
  to += sdk::View(text);
}

tg_str TakeText(std::string_view& from) {
  uint32_t size = 0;
  if (from.size() < 4) throw sdk::Error(TG_CORRUPT, "column index_keys of an item is damaged; restore a backup");
  for (size_t i = 0; i < 4; ++i) size |= static_cast<uint32_t>(static_cast<unsigned char>(from[i])) << (8 * i);
  from.remove_prefix(4);
  if (from.size() < size) throw sdk::Error(TG_CORRUPT, "column index_keys of an item is damaged; restore a backup");
  const tg_str text{from.data(), size};
  from.remove_prefix(size);
  return text;
}

}  // namespace

void BindChange(Statement& statement, const tg_change& c, std::string_view keys) {
  statement.Bind(1, c.seq).Bind(2, c.kind).Bind(3, c.direction).Bind(4, c.lane).BindText(5, sdk::View(c.model));
  statement.Bind(6, c.key.owner).BindText(7, sdk::View(c.key.pk)).BindText(8, sdk::View(c.key.sk));
  statement.Bind(9, c.src).Bind(10, c.dst);
  statement.Bind(11, c.version.hlc).Bind(12, c.version.agent).Bind(13, c.version.epoch);
  statement.Bind(14, c.via).BindSigned(15, c.expires_ms).Bind(16, c.digest);
  statement.Bind(17, c.run_first).Bind(18, c.run_last);
  statement.BindBlob(19, sdk::View(c.policy_meta)).BindBlob(20, sdk::View(c.extra)).BindBlob(21, keys);
  statement.BindText(22, sdk::View(c.body));
}

std::string EncodeIndexKeys(const tg_change& change) {
  std::string encoded;
  for (uint32_t i = 0; i < change.index_key_count; ++i) {
    AppendText(encoded, change.index_keys[i].index);
    AppendText(encoded, change.index_keys[i].hash);
    AppendText(encoded, change.index_keys[i].sort);
  }
  return encoded;
}

std::vector<tg_index_key> DecodeIndexKeys(std::string_view encoded) {
  std::vector<tg_index_key> keys;
  while (!encoded.empty()) {
    tg_index_key key;
    key.index = TakeText(encoded);
    key.hash = TakeText(encoded);
    key.sort = TakeText(encoded);
    keys.push_back(key);
  }
  return keys;
}

const tg_change& RowReader::Read(Statement& s) {
  tg_change& c = change_;
  c.struct_size = sizeof c;
  c.seq = s.Number(0);
  c.kind = static_cast<uint8_t>(s.Number(1));
  c.direction = static_cast<uint8_t>(s.Number(2));
  c.lane = static_cast<uint8_t>(s.Number(3));
  c.model = sdk::Str(s.Bytes(4));
  c.key = {s.Number(5), sdk::Str(s.Bytes(6)), sdk::Str(s.Bytes(7))};
  c.src = s.Number(8);
  c.dst = s.Number(9);
  c.version = {s.Number(10), s.Number(11), s.Number(12)};
  c.via = s.Number(13);
  c.expires_ms = static_cast<int64_t>(s.Number(14));
  c.digest = s.Number(15);
  c.run_first = s.Number(16);
  c.run_last = s.Number(17);
  c.policy_meta = sdk::Bytes(s.Bytes(18));
  c.extra = sdk::Bytes(s.Bytes(19));
  keys_ = DecodeIndexKeys(s.Bytes(20));
  c.index_keys = keys_.data();
  c.index_key_count = static_cast<uint32_t>(keys_.size());
  c.body = sdk::Bytes(s.Bytes(21));
  return c;
}

}  // namespace tidegate::sqlite
