#include "host/api/connection.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPServerRequestImpl.h>
#include <Poco/Net/HTTPServerResponseImpl.h>
#include <Poco/Net/NetException.h>
#include <Poco/Timestamp.h>

#include <exception>

#include "host/api/exchange.h"
#include "host/api/http_error.h"
#include "host/api/json_text.h"
#include "host/api/routes.h"

namespace tidegate::api {
namespace {

// To a client whose request could not even be read.
void SendBadRequest(Poco::Net::HTTPServerSession& session, const std::string& message) {
  Poco::Net::HTTPServerResponseImpl response(session);
  response.setStatusAndReason(Poco::Net::HTTPResponse::HTTP_BAD_REQUEST, HttpReason(400));
  response.setVersion(Poco::Net::HTTPMessage::HTTP_1_1);
  response.setKeepAlive(false);
  response.setContentType("application/json");
  std::string body = ObjectWriter().Raw("error", ErrorToJson(Status::Invalid(message))).Take() + "\n";
  response.sendBuffer(body.data(), body.size());
}

// False when the connection is to be closed.
bool ServeOne(Poco::Net::HTTPServerSession& session, Poco::Net::HTTPServerParams& params, Context& context) {
  Poco::Net::HTTPServerResponseImpl response(session);
  Poco::Net::HTTPServerRequestImpl request(response, session, &params);
  response.setDate(Poco::Timestamp());
  response.setVersion(request.getVersion());
  response.setKeepAlive(request.getKeepAlive());

  Exchange exchange(request, response, context.options, context.stopping);
  int http_status = 400;
  Status framing = exchange.CheckFraming(&http_status);
  if (!framing.ok()) {
    response.setKeepAlive(false);
    exchange.SendError(framing, http_status);
    return false;
  }
  try {
    Route(context, exchange);
  } catch (const Poco::Net::NetException&) {
    throw;  // the client is gone
  } catch (const std::exception& error) {
    context.log.Write(TG_LOG_ERROR, "api: " + exchange.method() + " " + exchange.uri() + ": " + error.what());
    response.setKeepAlive(false);
    if (!exchange.answered()) exchange.SendError(Status::Internal(error.what()));
  }
  return response.getKeepAlive();
}

}  // namespace

void Serve(Poco::Net::HTTPServerSession& session, Poco::Net::HTTPServerParams& params, Context& context) {
  try {
    bool more = true;
    while (more && !context.stopping && session.hasMoreRequests()) {
      try {
        more = ServeOne(session, params, context);
        session.setKeepAlive(more);
      } catch (const Poco::Net::NoMessageException&) {
        more = false;
      } catch (const Poco::Net::MessageException& error) {
        SendBadRequest(session, "the request is no HTTP: " + error.displayText());
        more = false;
      } catch (const Poco::SyntaxException& error) {
        SendBadRequest(session, "the request is no HTTP: " + error.displayText());
        more = false;
      }
    }
  } catch (const std::exception&) {
    // The client went away or stood still: nobody is left to tell.
  }
}

}  // namespace tidegate::api
