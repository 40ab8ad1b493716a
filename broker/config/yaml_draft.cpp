#include "broker/config/yaml_draft.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <array>
#include <exception>
#include <sstream>
#include <string_view>
#include <utility>

namespace slotd::broker {
namespace {

// Thrown out of the event handler to end the parse early; never leaves this file.
struct Stop {};

struct Wording {
  std::string_view yaml;  // what the library says
  std::string_view message;
  std::string_view hint;
};

constexpr std::array<Wording, 9> kWordings{{
    {"end of map not found", "this does not belong to the map above",
     "is the indentation right, and is there text after a closing quote or bracket?"},
    {"end of map flow not found", "a '{' before this is not closed, or a ',' is missing",
     "or is a space missing after a ':'?"},
    {"end of sequence not found", "this does not belong to the list above",
     "is the indentation right?"},
    {"end of sequence flow not found", "a '[' before this is not closed, or a ',' is missing", ""},
    {"illegal map value", "a ': ' does not belong here",
     "is the indentation right, and is the key in one piece?"},
    {"illegal block entry", "a '- ' does not belong here", "write lists as [a, b]"},
    {"illegal flow end", "this bracket was never opened", ""},
    {"the referenced anchor is not defined", "this alias names no anchor", ""},
    {"unknown token", "no value starts with this character", "put the value in quotes"},
}};

// Turns the library's events into a tree and gives up at the bounds.
class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  [[nodiscard]] std::optional<Draft> take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Draft node = make(DraftKind::kNull, mark, "", anchor);
    if (!is_written_null(node.mark) && expects_value()) {
      // An absent value has the place of whatever comes next; its key tells people more.
      const Draft& key = open_.back().keys.back();
      node.mark = key.mark;
      if (is_block_.back()) check_colon(key);
    }
    const bool is_key = !open_.empty() && open_.back().is_map() && !expects_value();
    if (is_key && is_block_.back() && !is_written_null(node.mark)) {
      diagnostics_.error(node.mark, "the key before this ':' is missing");
    }
    add(std::move(node));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    add(make(DraftKind::kAlias, mark, "", YAML::NullAnchor));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    Draft node = make(DraftKind::kScalar, mark, tag, anchor);
    node.text = value;
    node.quoted = tag != "?";
    if (node.quoted) check_closed(node.mark);
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(make(DraftKind::kList, mark, tag, anchor));
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    open(make(DraftKind::kMap, mark, tag, anchor));
    is_block_.back() = style == YAML::EmitterStyle::Block;
  }
  void OnMapEnd() override { close(); }

  [[nodiscard]] SourceMark convert(const YAML::Mark& mark) const {
    if (mark.line < 0 || mark.column < 0) return {};
    return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
  }

 private:
  Draft make(DraftKind kind, const YAML::Mark& mark, const std::string& tag,
             YAML::anchor_t anchor) {
    Draft node;
    node.kind = kind;
    node.mark = convert(mark);
    node.anchored = anchor != YAML::NullAnchor;
    // The library's own mark of a scalar in quotes is "!", of everything else that has no tag "?".
    node.tagged = !tag.empty() && tag != "?" && (tag != "!" || kind != DraftKind::kScalar);
    if (++nodes_ > kMaxDraftNodes) {
      diagnostics_.error(node.mark,
                         "more than " + std::to_string(kMaxDraftNodes) + " keys and values");
      throw Stop{};
    }
    return node;
  }

  [[nodiscard]] bool expects_value() const {
    return !open_.empty() && open_.back().is_map() &&
           open_.back().keys.size() == open_.back().items.size() + 1;
  }

  void add(Draft node) {
    if (open_.empty()) {
      root_ = std::move(node);
    } else if (open_.back().is_map() && !expects_value()) {
      open_.back().keys.push_back(std::move(node));
    } else {
      open_.back().items.push_back(std::move(node));
    }
  }

  void open(Draft node) {
    if (open_.size() == kMaxDraftDepth) {
      diagnostics_.error(node.mark, "nested more than " + std::to_string(kMaxDraftDepth) + " deep");
      throw Stop{};
    }
    open_.push_back(std::move(node));
    is_block_.push_back(false);
  }

  void close() {
    Draft node = std::move(open_.back());
    open_.pop_back();
    is_block_.pop_back();
    add(std::move(node));
  }

  [[nodiscard]] std::string_view text_from(SourceMark mark) const {
    return diagnostics_.source().text().substr(diagnostics_.source().offset_of(mark));
  }

  [[nodiscard]] bool is_written_null(SourceMark mark) const {
    const std::string_view rest = text_from(mark);
    for (const std::string_view word : {"~", "null", "Null", "NULL"}) {
      if (!rest.starts_with(word)) continue;
      if (rest.size() == word.size()) return true;
      return std::string_view(" \t\r\n,]}").find(rest[word.size()]) != std::string_view::npos;
    }
    return false;
  }

  // The library takes a line without a colon for a key without a value.
  void check_colon(const Draft& key) {
    std::string_view rest = text_from(key.mark);
    if (key.kind != DraftKind::kScalar || !rest.starts_with(key.text)) return;
    rest.remove_prefix(key.text.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (!rest.starts_with(':')) diagnostics_.error(key.mark, "a ':' is missing after this key");
  }

  // The library takes the end of the file for a missing closing quote, and everything after the
  // quote for text.
  void check_closed(SourceMark mark) {
    std::string_view rest = text_from(mark);
    while (rest.starts_with('&') || rest.starts_with('!')) {  // an anchor or a tag stands first
      rest.remove_prefix(std::min(rest.find_first_of(" \t\r\n"), rest.size()));
      rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
    }
    if (!rest.starts_with('"') && !rest.starts_with('\'')) return;
    const char quote = rest[0];
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (quote == '"' && rest[i] == '\\') {
        ++i;
      } else if (rest[i] == quote) {
        if (quote == '"' || i + 1 == rest.size() || rest[i + 1] != quote) return;
        ++i;
      }
    }
    diagnostics_.error(mark, "this quote is never closed");
    throw Stop{};
  }

  Diagnostics& diagnostics_;
  std::vector<Draft> open_;     // from the outermost map or list to the one being read
  std::vector<bool> is_block_;  // which of them are maps in lines, not in braces
  std::optional<Draft> root_;
  std::size_t nodes_ = 0;
};

// Sees whether anything follows the document.
class SecondDocument final : public YAML::EventHandler {
 public:
  explicit SecondDocument(YAML::Mark& mark) : mark_(mark) {}
  void OnDocumentStart(const YAML::Mark& mark) override {
    mark_ = mark;
    throw Stop{};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  YAML::Mark& mark_;
};

void report_syntax(Diagnostics& diagnostics, SourceMark mark, std::string_view yaml_message) {
  for (const Wording& wording : kWordings) {
    if (wording.yaml == yaml_message) {
      diagnostics.error(mark, "YAML: " + std::string(wording.message), std::string(wording.hint));
      return;
    }
  }
  diagnostics.error(mark, "YAML: " + escape_untrusted(yaml_message));
}

void parse_document(YAML::Parser& parser, Builder& builder, Diagnostics& diagnostics) {
  if (!parser.HandleNextDocument(builder)) {
    diagnostics.error({1, 1}, "the file is empty", "an empty map, {}, stands for all defaults");
    return;
  }
  YAML::Mark second;
  SecondDocument handler(second);
  try {
    (void)parser.HandleNextDocument(handler);
  } catch (const Stop&) {
    const SourceMark mark = builder.convert(second);
    const bool dashes =
        diagnostics.source().text().substr(diagnostics.source().offset_of(mark)).starts_with("---");
    diagnostics.error(mark, dashes ? "a second document" : "text after the end of the document",
                      dashes ? "a config file has one document: remove this '---' and what follows"
                             : "is the indentation right?");
  }
}

}  // namespace

std::optional<Draft> parse_draft(Diagnostics& diagnostics) {
  Builder builder(diagnostics);
  try {
    std::istringstream stream{std::string(diagnostics.source().text())};
    YAML::Parser parser(stream);
    parse_document(parser, builder, diagnostics);
  } catch (const Stop&) {
    // The reason has been noted.
  } catch (const YAML::Exception& error) {
    report_syntax(diagnostics, builder.convert(error.mark), error.msg);
  } catch (const std::exception& error) {
    diagnostics.error({}, "YAML: " + escape_untrusted(error.what()));
  }
  if (diagnostics.has_errors()) return std::nullopt;
  return builder.take();
}

}  // namespace slotd::broker
