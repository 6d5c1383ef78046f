// SPDX-License-Identifier: GPL-2.0-or-later
/* The names of the oracles, and the one finding of an execution. */
#include "lab.h"
#include "watch.h"

const struct oracle_info oracles[ORACLES] = {
	[ORACLE_DOUBLE_FETCH] = { "double-fetch", "the same shared bytes were "
						  "read twice in one call" },
	[ORACLE_OWN_MEMORY] = { "own-memory", "the driver side read back what "
					      "only it writes" },
	[ORACLE_WORK_BUDGET] = { "work-budget", "a call read more shared "
						"memory than its bound" },
	[ORACLE_TOKEN] = { "token-conservation",
			   "a token was lost, invented or returned twice" },
	[ORACLE_LENGTH] = { "returned-length",
			    "a length exceeds what the buffer had writable" },
	[ORACLE_FREE_COUNT] = { "free-count", "descriptors in flight and free "
					      "do not add up" },
	[ORACLE_RESULT] = { "wrong-result", "a call's result is not what the "
					    "specification gives" },
	[ORACLE_CHAIN] = { "chain-as-posted",
			   "the ring does not hold the buffer that was added" },
	[ORACLE_PUBLISH] = { "publish-order", "the avail index is not what was "
					      "added when kicked" },
	[ORACLE_NOTIFY] = { "kick-decision",
			    "a notification was lost, or sent unasked" },
	[ORACLE_WAKEUP] = { "lost-wakeup", "callbacks are on but the device "
					   "was not told so first" },
	[ORACLE_CALLBACK] = { "callback-window",
			      "a callback ran when it must not, or did not "
			      "when it must" },
	[ORACLE_FEATURES] = { "features-subset", "features outside what was "
						 "offered and understood" },
	[ORACLE_STATUS] = { "status-ladder",
			    "the status was not climbed step by step" },
	[ORACLE_CONFIG_WRITE] = { "config-write", "configuration was written "
						  "that is the device's own" },
	[ORACLE_CONFIG_VALUE] = { "config-value",
				  "a field was not what the snapshot held" },
	[ORACLE_IN_USE] = { "freed-in-use", "memory was taken back while the "
					    "device may use it" },
	[ORACLE_MAPPING] = { "map-balance",
			     "a mapping was not undone once, as it was made" },
	[ORACLE_MEMORY] = { "memory-balance", "memory was leaked, freed twice "
					      "or grew without bound" },
	[ORACLE_PRIVATE_BYTES] = { "private-bytes",
				   "memory that was never written was given to "
				   "the device" },
	[ORACLE_FRESH] = { "fresh-equals-reset",
			   "a queue after a reset is not like a new one" },
	[ORACLE_HONEST] = { "honest-served",
			    "an honest device was refused after the attack" },
	[ORACLE_DATA] = { "data-intact",
			  "data did not arrive as the device wrote it" },
};

struct finding finding;
void (*oracle_fatal)(const struct finding *finding);

void oracle_fire(enum oracle oracle, const char *what, u64 value0, u64 value1)
{
	if (finding.fired)
		return;
	finding.fired = true;
	finding.oracle = oracle;
	finding.step = lab.step;
	finding.call = watch_call_name();
	finding.what = what;
	finding.value[0] = value0;
	finding.value[1] = value1;
	trace(TRACE_FINDING, oracle, value0, value1);
	if (oracle_fatal)
		oracle_fatal(&finding);
}
