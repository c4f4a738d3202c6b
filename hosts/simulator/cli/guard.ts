// SPDX-License-Identifier: Apache-2.0
/**
 * Loaded before a device program into its process: ends it with its supervisor, and tells that one what went wrong.
 *
 * A supervisor that is killed cannot end its devices; they notice that the channel to it is gone.
 */
import type { Failure } from "./process.js";

process.on("disconnect", () => process.exit(1));
// Neither the channel nor the listener for its end is a reason for a finished program to live on.
process.channel?.unref();

process.on("uncaughtException", (error: unknown) => {
	const { message, stack, code, name } = error as Partial<Error & { code: unknown }>;
	const failure: Failure = {
		// The name, not the class: the program brings its own copy of the SDK.
		code: name === "DeviceError" ? String(code) : "internal",
		message: message ?? String(error),
		stack: stack ?? "",
	};
	if (process.send === undefined) process.exit(1);
	process.send(failure, () => process.exit(1));
});
