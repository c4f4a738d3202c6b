// SPDX-License-Identifier: Apache-2.0
/** Ctrl-C and its relatives, as a signal that the first of them aborts. */

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** What shells expect of a process that SIGINT ended. */
const INTERRUPTED = 130;

/**
 * Runs `action`; the first interruption asks it to end in good order, the second ends the process at once.
 * A reader of standard output that goes away, as `head` does, is an interruption too.
 */
export async function interruptible<Result>(action: (interrupted: AbortSignal) => Promise<Result>): Promise<Result> {
	const controller = new AbortController();
	const onSignal = (): void => {
		if (controller.signal.aborted) process.exit(INTERRUPTED);
		controller.abort();
	};
	const onError = (): void => controller.abort();
	for (const signal of SIGNALS) process.on(signal, onSignal);
	process.stdout.on("error", onError);
	try {
		return await action(controller.signal);
	} finally {
		for (const signal of SIGNALS) process.off(signal, onSignal);
	}
}

/** Resolves when `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
	return new Promise(resolve => {
		if (signal.aborted) resolve();
		else signal.addEventListener("abort", () => resolve(), { once: true });
	});
}

/** A signal that is aborted with `signal`, or after `milliseconds` where there is a limit. */
export function timeLimit(signal: AbortSignal, milliseconds: number | undefined): AbortSignal {
	return milliseconds === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(milliseconds)]);
}
