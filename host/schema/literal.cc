#include "host/schema/literal.h"

#include "host/schema/literal_scanner.h"

namespace tidegate {
namespace {

// The grammar: one object of literals, and what JavaScript and TypeScript files put around it.
class Reader {
 public:
  explicit Reader(std::string_view text) : scan_(text) {}

  Status Document(Literal* out) {
    TG_RETURN_IF_ERROR(scan_.Begin());
    std::string name;
    TG_RETURN_IF_ERROR(Prologue(&name));
    if (scan_.Peek() != '{') return Status::Invalid("a schema is one object: expected '{'");
    TG_RETURN_IF_ERROR(Value(out, 0));
    return Epilogue(name);
  }

  // Where it failed: mostly where the reading stopped.
  TextPlace FailedAt() const { return failed_at_.line != 0 ? failed_at_ : scan_.Here(); }

 private:
  // 'use strict'; and its like: a text alone, before everything.
  Status Directives() {
    while (scan_.Peek() == '\'' || scan_.Peek() == '"') {
      std::string directive;
      TG_RETURN_IF_ERROR(scan_.String(&directive));
      if (!directive.starts_with("use ")) return Status::Invalid("a schema is one object: expected '{'");
      TG_RETURN_IF_ERROR(scan_.Skip());
      while (scan_.Peek() == ';') TG_RETURN_IF_ERROR(scan_.Expect(';'));
    }
    return Status::Ok();
  }

  // `const X =`, `export default`, `module.exports =` and their mixtures, before the object.
  Status Prologue(std::string* name) {
    TG_RETURN_IF_ERROR(Directives());
    for (int words = 0; IsLiteralNameStart(scan_.Peek()); ++words) {
      std::string word = scan_.Name();
      TG_RETURN_IF_ERROR(scan_.Skip());
      if (word == "export") continue;
      if (word == "default" && words == 1) return Status::Ok();
      if (word == "const" || word == "let" || word == "var") {
        *name = scan_.Name();
        if (name->empty()) return Status::Invalid("expected a name after '" + word + "'");
        TG_RETURN_IF_ERROR(scan_.Skip());
        if (scan_.Peek() == ':') {  // a TypeScript annotation
          scan_.Advance();
          TG_RETURN_IF_ERROR(scan_.Skip());
          if (scan_.Name().empty()) return Status::Invalid("expected a type name after ':'");
          TG_RETURN_IF_ERROR(scan_.Skip());
        }
        return scan_.Expect('=');
      }
      if ((word == "module" || word == "exports") && scan_.Peek() == '.') {
        scan_.Advance();
        if (scan_.Name().empty()) return Status::Invalid("expected a name after '.'");
        TG_RETURN_IF_ERROR(scan_.Skip());
        return scan_.Expect('=');
      }
      return Status::Invalid("expected '{', or 'const NAME =', 'export default' or 'module.exports =' before it");
    }
    return Status::Ok();
  }

  // `;`, `as const`, and the lines that export what was named.
  Status Epilogue(const std::string& name) {
    TG_RETURN_IF_ERROR(scan_.Skip());
    if (scan_.StartsWith("as ")) {
      scan_.Advance(3);
      TG_RETURN_IF_ERROR(scan_.Skip());
      if (scan_.Name() != "const") return Status::Invalid("expected 'const' after 'as'");
      TG_RETURN_IF_ERROR(scan_.Skip());
    }
    while (scan_.Peek() == ';') TG_RETURN_IF_ERROR(scan_.Expect(';'));
    if (!name.empty() && IsLiteralNameStart(scan_.Peek())) {
      std::string inner;
      TG_RETURN_IF_ERROR(Prologue(&inner));
      if (!inner.empty() || scan_.Name() != name) return Status::Invalid("only an export of '" + name + "' may follow");
      TG_RETURN_IF_ERROR(scan_.Skip());
      while (scan_.Peek() == ';') TG_RETURN_IF_ERROR(scan_.Expect(';'));
    }
    if (!scan_.AtEnd()) return Status::Invalid("nothing may follow the schema object");
    return Status::Ok();
  }

  Status Value(Literal* out, int depth) {
    if (depth > kLiteralDepthMax) return Status::Invalid("nested deeper than " + std::to_string(kLiteralDepthMax));
    out->place = scan_.Here();
    char c = scan_.Peek();
    if (scan_.AtEnd()) return Status::Invalid("the text ends where a value is expected");
    if (c == '{') return Object(out, depth);
    if (c == '[') return Array(out, depth);
    if (c == '"' || c == '\'' || c == '`') {
      out->kind = Literal::Kind::kString;
      return scan_.String(&out->text);
    }
    if (c == '/') {
      out->kind = Literal::Kind::kRegex;
      return scan_.Regex(&out->text);
    }
    if (IsLiteralDigit(c) || c == '-' || c == '+' || c == '.') {
      out->kind = Literal::Kind::kNumber;
      return scan_.Number(&out->number);
    }
    std::string word = scan_.Name();
    if (word.empty())
      return Status::Invalid(c == '(' ? "expected a value; functions are not read, only literals" : "expected a value");
    if (word == "true" || word == "false") {
      out->kind = Literal::Kind::kBool;
      out->boolean = word == "true";
    } else if (word == "null" || word == "undefined") {
      out->kind = Literal::Kind::kNull;
    } else if (word == "function" || word == "async" || word == "new" || word == "NaN" || word == "Infinity") {
      failed_at_ = out->place;
      return Status::Invalid("'" + word + "' is not a literal that a schema can hold");
    } else {
      out->kind = Literal::Kind::kWord;
      out->text = word;
    }
    return Status::Ok();
  }

  Status Object(Literal* out, int depth) {
    out->kind = Literal::Kind::kObject;
    scan_.Advance();
    TG_RETURN_IF_ERROR(scan_.Skip());
    while (scan_.Peek() != '}') {
      Literal::Member member;
      member.place = scan_.Here();
      if (char c = scan_.Peek(); c == '"' || c == '\'') {
        TG_RETURN_IF_ERROR(scan_.String(&member.name));
      } else if (IsLiteralDigit(c)) {
        member.name = scan_.NameOrDigits();
      } else {
        member.name = scan_.Name();
        if (member.name.empty())
          return Status::Invalid(scan_.AtEnd() ? "this object does not end" : "expected a property name or '}'");
      }
      for (const Literal::Member& other : out->members) {
        if (other.name != member.name) continue;
        failed_at_ = member.place;
        return Status::Invalid("property '" + member.name + "' is here twice; the first is at " +
                               std::to_string(other.place.line) + ":" + std::to_string(other.place.column));
      }
      if (out->members.size() >= 4096) return Status::Invalid("more than 4096 properties in one object");
      TG_RETURN_IF_ERROR(scan_.Skip());
      TG_RETURN_IF_ERROR(scan_.Expect(':'));
      TG_RETURN_IF_ERROR(Value(&member.value, depth + 1));
      out->members.push_back(std::move(member));
      TG_RETURN_IF_ERROR(scan_.Skip());
      if (scan_.Peek() == ',') {
        TG_RETURN_IF_ERROR(scan_.Expect(','));
      } else if (scan_.Peek() != '}') {
        return Status::Invalid(scan_.AtEnd() ? "this object does not end" : "expected ',' or '}'");
      }
    }
    scan_.Advance();
    return Status::Ok();
  }

  Status Array(Literal* out, int depth) {
    out->kind = Literal::Kind::kArray;
    scan_.Advance();
    TG_RETURN_IF_ERROR(scan_.Skip());
    while (scan_.Peek() != ']') {
      out->items.emplace_back();
      TG_RETURN_IF_ERROR(Value(&out->items.back(), depth + 1));
      TG_RETURN_IF_ERROR(scan_.Skip());
      if (scan_.Peek() == ',') {
        TG_RETURN_IF_ERROR(scan_.Expect(','));
      } else if (scan_.Peek() != ']') {
        return Status::Invalid(scan_.AtEnd() ? "this array does not end" : "expected ',' or ']'");
      }
    }
    scan_.Advance();
    return Status::Ok();
  }

  LiteralScanner scan_;
  TextPlace failed_at_;
};

}  // namespace

Result<Literal> ReadLiteral(std::string_view text, TextPlace* place) {
  Reader reader(text);
  Literal literal;
  if (Status status = reader.Document(&literal); !status.ok()) {
    *place = reader.FailedAt();
    return status;
  }
  return literal;
}

}  // namespace tidegate
