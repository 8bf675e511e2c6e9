#include "host/sync/range_digests.h"

#include <algorithm>
#include <tuple>

#include "host/base/views.h"

namespace tidegate::sync {
namespace {

wire::KeyBound EndOf(const tg_digest& digest) {
  return {std::string(View(digest.end_pk)), std::string(View(digest.end_sk))};
}

}  // namespace

tg_range RangeOf(AgentId owner, const wire::KeyRange& range, uint32_t direction_mask, const Cut& cut) {
  tg_range result{};
  result.struct_size = sizeof result;
  result.owner = owner;
  result.has_to = range.has_to ? 1 : 0;
  result.from_pk = Str(range.from.pk);
  result.from_sk = Str(range.from.sk);
  result.to_pk = Str(range.to.pk);
  result.to_sk = Str(range.to.sk);
  result.direction_mask = direction_mask;
  result.cut_hlc = cut.hlc;
  result.expired_ms = cut.expired_ms;
  return result;
}

bool Before(const wire::KeyBound& a, const wire::KeyBound& b) { return std::tie(a.pk, a.sk) < std::tie(b.pk, b.sk); }

RangeDigests::RangeDigests(const core::Storage& storage, AgentId owner, RowClass row_class, const Cut& cut,
                           uint64_t leaf_items)
    : storage_(storage), owner_(owner), row_class_(row_class), cut_(cut), leaf_items_(leaf_items) {}

void RangeDigests::Add(const tg_digest& digest, DigestSum* sum) const {
  for (uint32_t direction : {TG_DIRECTION_UP, TG_DIRECTION_DOWN, TG_DIRECTION_BOTH}) {
    if (ClassOf(direction) != row_class_) continue;
    sum->count += digest.direction_count[direction];
    sum->sum += digest.direction_sum[direction];
  }
}

Status RangeDigests::ReadPieces(const wire::KeyRange& range, uint64_t chunk_items,
                                const std::function<bool(const tg_digest&)>& fn) const {
  // Chunks are counted in rows of every direction, unless there is an index for one: so a portion stays one.
  tg_range rows = RangeOf(owner_, range, row_class_ == RowClass::kDown ? TG_DIRECTION_DOWN : 0, cut_);
  rows.chunk_items = chunk_items;
  return storage_.RangeDigest(rows, fn);
}

Status RangeDigests::Read(uint64_t rows) {
  if (whole_) return {};
  uint64_t left = std::max<uint64_t>(1, rows / leaf_items_);
  // The bounds of what is being read stay in place meanwhile.
  const wire::KeyRange rest{frontier_, false, {}};
  TG_RETURN_IF_ERROR(ReadPieces(rest, leaf_items_, [&](const tg_digest& digest) {
    Leaf& leaf = leaves_.emplace_back();
    leaf.from = frontier_;
    Add(digest, &leaf.sum);
    rows_read_ += digest.count;
    if (digest.has_end == 0) {
      whole_ = true;
      return false;
    }
    frontier_ = EndOf(digest);
    return --left != 0;
  }));
  if (leaves_.size() > kLeavesMax) Coarsen();
  return {};
}

// Every two leaves become one.
void RangeDigests::Coarsen() {
  size_t kept = 0;
  for (size_t i = 0; i < leaves_.size(); i += 2) {
    Leaf leaf = std::move(leaves_[i]);
    if (i + 1 < leaves_.size()) {
      const Leaf& next = leaves_[i + 1];
      leaf.stale = leaf.stale || next.stale;
      leaf.sum.count += next.sum.count;
      leaf.sum.sum += next.sum.sum;
    }
    leaves_[kept++] = std::move(leaf);
  }
  leaves_.resize(kept);
  leaf_items_ *= 2;
}

// Of the leaf that holds the key.
size_t RangeDigests::LeafOf(const wire::KeyBound& key) const {
  auto after = std::upper_bound(leaves_.begin(), leaves_.end(), key,
                                [](const wire::KeyBound& k, const Leaf& leaf) { return Before(k, leaf.from); });
  return static_cast<size_t>(after - leaves_.begin()) - 1;  // the first leaf is before every key
}

void RangeDigests::Changed(const tg_key& key) {
  if (key.owner != owner_ || leaves_.empty()) return;
  const wire::KeyBound bound{std::string(View(key.pk)), std::string(View(key.sk))};
  if (!whole_ && !Before(bound, frontier_)) return;  // it will be read
  leaves_[LeafOf(bound)].stale = true;
}

// Reads a stale leaf again; one that has grown becomes several.
Status RangeDigests::Refresh(size_t index) {
  wire::KeyRange range{leaves_[index].from, false, {}};
  if (index + 1 < leaves_.size()) {
    range.has_to = true;
    range.to = leaves_[index + 1].from;
  }
  std::vector<Leaf> fresh(1);
  fresh.back().from = range.from;
  TG_RETURN_IF_ERROR(ReadPieces(range, leaf_items_ * 2, [&](const tg_digest& digest) {
    Add(digest, &fresh.back().sum);
    if (digest.has_end != 0) fresh.emplace_back().from = EndOf(digest);
    return true;
  }));
  leaves_[index] = std::move(fresh.front());
  leaves_.insert(leaves_.begin() + static_cast<ptrdiff_t>(index) + 1, std::make_move_iterator(fresh.begin() + 1),
                 std::make_move_iterator(fresh.end()));
  return {};
}

// In order, joined without a gap.
Result<std::vector<RangeDigests::Piece>> RangeDigests::PiecesOf(const wire::KeyRange& range) {
  if (!whole_) return Status::Internal("digests were asked for before they were read");
  std::vector<Piece> pieces;
  wire::KeyBound at = range.from;
  for (size_t i = LeafOf(at); i < leaves_.size(); ++i) {
    if (range.has_to && !Before(at, range.to)) break;
    if (leaves_[i].stale) {
      TG_RETURN_IF_ERROR(Refresh(i));
      i = LeafOf(at);
    }
    const wire::KeyBound* next = i + 1 < leaves_.size() ? &leaves_[i + 1].from : nullptr;
    const bool ends = next == nullptr || (range.has_to && !Before(*next, range.to));
    const bool cut_off = ends && range.has_to && (next == nullptr || Before(range.to, *next));
    Piece& piece = pieces.emplace_back();
    piece.range = {at, range.has_to || !ends, ends ? range.to : *next};
    if (at == leaves_[i].from && !cut_off) {
      piece.sum = leaves_[i].sum;
    } else {
      TG_RETURN_IF_ERROR(ReadPieces(piece.range, 0, [&](const tg_digest& digest) {
        Add(digest, &piece.sum);
        return true;
      }));
    }
    if (ends) break;
    at = *next;
  }
  return pieces;
}

Result<DigestSum> RangeDigests::Of(const wire::KeyRange& range) {
  TG_ASSIGN_OR_RETURN(std::vector<Piece> pieces, PiecesOf(range));
  DigestSum whole;
  for (const Piece& piece : pieces) {
    whole.count += piece.sum.count;
    whole.sum += piece.sum.sum;
  }
  return whole;
}

Result<std::vector<wire::KeyRange>> RangeDigests::Filled(const wire::KeyRange& range) {
  TG_ASSIGN_OR_RETURN(std::vector<Piece> pieces, PiecesOf(range));
  std::vector<wire::KeyRange> filled;
  for (Piece& piece : pieces) {
    if (piece.sum.count != 0) filled.push_back(std::move(piece.range));
  }
  return filled;
}

Result<std::vector<wire::RangePart>> RangeDigests::Parts(const wire::KeyRange& range, uint64_t part_items) {
  TG_ASSIGN_OR_RETURN(std::vector<Piece> pieces, PiecesOf(range));
  std::vector<wire::RangePart> parts;
  DigestSum part;
  wire::KeyBound from = range.from;
  // end: null at the end of the range.
  auto take = [&](const DigestSum& sum, const wire::KeyBound* end) {
    part.count += sum.count;
    part.sum += sum.sum;
    if (end != nullptr && part.count < part_items) return;
    wire::RangePart& added = parts.emplace_back();
    added.count = part.count;
    added.sum = part.sum;
    added.range = {from, end != nullptr || range.has_to, end != nullptr ? *end : range.to};
    if (end != nullptr) from = *end;
    part = {};
  };
  // Leaves are fine enough where no single one has much of it: no row is read again for that.
  uint64_t total = 0, most = 0;
  for (const Piece& piece : pieces) {
    total += piece.sum.count;
    most = std::max(most, piece.sum.count);
  }
  const bool by_leaf = most <= total / 4;
  for (const Piece& piece : pieces) {
    const wire::KeyBound* end = &piece == &pieces.back() ? nullptr : &piece.range.to;
    if (by_leaf || part.count + piece.sum.count < part_items) {
      take(piece.sum, end);
      continue;
    }
    TG_RETURN_IF_ERROR(ReadPieces(piece.range, 1, [&](const tg_digest& row) {
      DigestSum sum;
      Add(row, &sum);
      const wire::KeyBound next = row.has_end != 0 ? EndOf(row) : wire::KeyBound();
      take(sum, row.has_end != 0 ? &next : end);
      return true;
    }));
  }
  if (pieces.empty()) take({}, nullptr);  // an empty range
  return parts;
}

}  // namespace tidegate::sync
