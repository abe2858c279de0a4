#include "logs/piece_list.h"

#include <algorithm>

namespace flashpods::logs {

std::uint64_t PieceList::indexed() const { return index_ == nullptr ? 0 : index_->pieces(); }

std::uint64_t PieceList::indexed_end() const {
  return index_ == nullptr ? 0 : std::min(index_->end(), end_);
}

std::uint64_t PieceList::size() const { return indexed() + (indexed_end() < end_ ? 1 : 0); }

Result<Piece> PieceList::at(std::uint64_t number) {
  if (number >= indexed()) return Piece{.offset = indexed_end(), .length = end_ - indexed_end()};
  auto piece = index_->piece(number);
  // After a power loss the index may speak of bytes that the log lost.
  if (piece) piece->length = std::max(piece->offset, std::min(piece->end(), end_)) - piece->offset;
  return piece;
}

Result<std::uint64_t> PieceList::find(std::uint64_t offset) {
  if (offset >= end_) return size();
  if (offset >= indexed_end()) return indexed();
  return index_->find(offset);
}

}  // namespace flashpods::logs
