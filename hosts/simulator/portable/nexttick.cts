// SPDX-License-Identifier: Apache-2.0
/** Stands in for `process-nextick-args`: mqtt-packet uses it only to uncork a stream of Node's, and ours is none. */
function nextTick(): void {
	throw new Error("there is no stream to uncork");
}

module.exports = { nextTick };
