// What the parts of schema loading share. Internal to host/schema.
// Thread safety: one load at a time for each object. Ownership: Problems owns its list.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "host/schema/literal.h"
#include "host/schema/rules.h"
#include "host/schema/schema.h"

namespace tidegate {

// Collects what is wrong, so that one load shows all of it.
class Problems {
 public:
  explicit Problems(std::string_view file) : file_(file) {}
  void Error(TextPlace place, std::string message) { Add(true, place, std::move(message)); }
  void Warn(TextPlace place, std::string message) { Add(false, place, std::move(message)); }
  size_t errors() const { return errors_; }
  std::vector<SchemaProblem> Take();  // in the order of the file

  // Says that `member` is not known, and what it may have been meant to be.
  void Unknown(const Literal::Member& member, std::string_view where, const std::vector<std::string_view>& known);

  // Each returns the value if it has the type, else reports it and returns the fallback.
  bool Bool(const Literal::Member& member, bool fallback);
  std::string Text(const Literal::Member& member, std::string_view fallback);

 private:
  void Add(bool error, TextPlace place, std::string message);
  std::string file_;
  std::vector<SchemaProblem> list_;
  size_t errors_ = 0;
};

struct SchemaParams {
  std::string type_field = "_type";
  std::string created_field = "created";
  std::string updated_field = "updated";
  bool iso_dates = false;
  bool nulls = false;
  bool keep_created = false;
  bool keep_updated = false;
};

// Fields of a model, or (nested) of an object. path is "model Fault" or "model Fault: field 'a'".
FieldList LoadFields(const Literal& literal, const std::string& path, const SchemaParams& params, bool nested,
                     Problems* problems);

// An index of the table as its schema writes it; a local one has the hash of primary.
struct IndexDef {
  std::string name;
  std::string hash;
  std::string sort;
  bool local = false;
  TextPlace place;
};

struct IndexDefs {
  IndexDef primary;
  std::vector<IndexDef> secondary;
};

IndexDefs LoadIndexes(const Literal& root, Problems* problems);

// Joins the fields of a model with the indexes of the table, and the variables of its templates with what they
// stand for. source and path are the model's, for what is reported.
void LinkModel(const Literal::Member& source, const std::string& path, const SchemaParams& params,
               const IndexDefs& indexes, ModelRules* rules, Problems* problems);

// A copy without what has no effect and with types in one spelling: what a model's digest is made of.
Literal Definition(const Literal& fields);

}  // namespace tidegate
