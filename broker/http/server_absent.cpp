// In the place of server.cpp where cpp-httplib was not there at the build.
#include "broker/http/server.hpp"

namespace slotd::broker {

struct HttpServer::Impl {};

HttpServer::HttpServer() = default;
HttpServer::~HttpServer() = default;

bool HttpServer::is_built() { return false; }

// NOLINTNEXTLINE(performance-unnecessary-value-param): as the other one takes it, which keeps it
std::string HttpServer::start(const HttpAddress& /*address*/, Handler /*handler*/) {
  return "this slotd was built without cpp-httplib";
}

void HttpServer::stop() {}

bool HttpServer::has_lost_socket() const { return false; }

}  // namespace slotd::broker
