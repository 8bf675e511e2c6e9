// What a restored server does not know any more.
#include "host/api/exchange.h"
#include "host/api/handlers.h"
#include "host/api/json_text.h"

namespace tidegate::api {

Status PostLossesConfirm(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_RETURN_IF_ERROR(call.context.node.ConfirmLosses());
  call.exchange.SendJson(200, ObjectWriter().Bool("confirmed", true).Take());
  return Status::Ok();
}

}  // namespace tidegate::api
