#include "broker/config/http.hpp"

#include <algorithm>
#include <string_view>

#include "slotd/units.hpp"

namespace slotd::broker {
namespace {

constexpr char kHint[] = "expected off, unix, unix:/PATH or HOST:PORT";
constexpr std::size_t kLongestSocketPath = 107;  // what sockaddr_un has room for
constexpr std::size_t kLongestHost = 253;
constexpr std::uint32_t kMostPort = 65'535;

bool is_host(std::string_view host, bool is_v6) {
  return !host.empty() && host.size() <= kLongestHost &&
         std::all_of(host.begin(), host.end(), [is_v6](char c) {
           return units_detail::is_letter(c) || units_detail::is_digit(c) || c == '.' ||
                  (is_v6 ? c == ':' || c == '%' : c == '-');
         });
}

void read_socket(ReadContext& context, const Place& place, std::string_view path,
                 HttpConfig& http) {
  const bool is_printable = std::all_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
  });
  if (!path.starts_with('/') || path.ends_with('/') || !is_printable) {
    report_value(context, place, "is not an absolute path of a socket", kHint);
  } else if (path.size() > kLongestSocketPath) {
    report_value(context, place, "is too long for a socket", "a path of at most 107 bytes");
  } else {
    http = {HttpListen::kUnix, std::string(path), {}, 0, {}};
  }
}

void read_tcp(ReadContext& context, const Place& place, std::string_view text, HttpConfig& http) {
  const std::size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  const bool is_v6 = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  if (is_v6) host = host.substr(1, host.size() - 2);
  if (!is_host(host, is_v6)) return report_value(context, place, "is no place to listen", kHint);
  const auto port = parse_count(text.substr(colon + 1));
  if (!port.ok() || port.value == 0 || port.value > kMostPort)
    return report_value(context, place, "has no port", "HOST:PORT with a port of 1 to 65535");
  http = {HttpListen::kTcp, {}, std::string(host), static_cast<std::uint16_t>(port.value), {}};
}

/// The default is no error, so that one file suits every build.
void read_without_http(ReadContext& context, const Place& place, std::string_view text,
                       HttpConfig& http) {
  constexpr char kWhy[] =
      "it was built without cpp-httplib (libcpp-httplib-dev): build it with that, or write off";
  if (text != "unix") return report_value(context, place, "is not possible with this slotd", kWhy);
  http = {HttpListen::kOff, {}, {}, 0, {}};
  context.diagnostics.warning(place.node.mark, place.path + ": this slotd does not listen anywhere",
                              kWhy);
}

void read_listen(ReadContext& context, const Place& place, HttpConfig& http) {
  constexpr std::string_view kSocket = "unix:";
  const std::string* text = take_scalar(context, place, "off, unix, unix:/PATH or HOST:PORT");
  if (text == nullptr) return;
  if (*text == "off") {
    http = {HttpListen::kOff, {}, {}, 0, {}};
  } else if (!kHasHttp) {
    read_without_http(context, place, *text, http);
  } else if (*text == "unix") {
    http = {HttpListen::kUnix, {}, {}, 0, {}};
  } else if (text->starts_with(kSocket)) {
    read_socket(context, place, std::string_view(*text).substr(kSocket.size()), http);
  } else {
    read_tcp(context, place, *text, http);
  }
  http.mark = place.node.mark;
}

}  // namespace

void read_http(ReadContext& context, const Place& place, HttpConfig& http) {
  const std::vector<Field> fields{
      {"listen", [&](const Place& at) { read_listen(context, at, http); }},
  };
  read_map(context, place, fields, {"in http", {}, {}});
}

}  // namespace slotd::broker
