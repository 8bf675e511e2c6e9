/* The version of Tidegate and of its plugin ABI; the build reads TG_VERSION_STRING from here.
 * Thread safety: constants only. */
#pragma once

#define TG_VERSION_STRING "0.1.0"

/* A plugin loads when its major equals the host's and the host's minor is at least the plugin's
 * TG_NOTE least host minor. Growth within a major only appends. */
#define TG_ABI_MAJOR 1
#define TG_ABI_MINOR 0
