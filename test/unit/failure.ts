// SPDX-License-Identifier: Apache-2.0
/** What a call throws, as the code that the caller decides by. */
import type { DeviceError } from "../../src/base/error.js";

/** The code of the `DeviceError` that `call` throws; "nothing" when it returns. Anything else that is thrown goes on. */
export function codeOf(call: () => unknown): string {
	try {
		call();
	} catch (error) {
		if (error instanceof Error && error.name === "DeviceError") return (error as DeviceError).code;
		throw error;
	}
	return "nothing";
}
