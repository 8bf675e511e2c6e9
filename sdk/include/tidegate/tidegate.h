/* Everything a plugin may use, in one include. Prefer the single headers. */
#pragma once

#include "tidegate/change.h"
#include "tidegate/error.h"
#include "tidegate/events.h"
#include "tidegate/note.h"
#include "tidegate/plugin.h"
#include "tidegate/policy.h"
#include "tidegate/services.h"
#include "tidegate/storage.h"
#include "tidegate/transport.h"
#include "tidegate/types.h"
#include "tidegate/version.h"
