// SPDX-License-Identifier: Apache-2.0
/**
 * Waits for what happens, never for time to pass: conditions are looked at whenever anything was noticed.
 *
 * A deadline is only how a condition that does not come true is told from one that takes its time.
 */
import { DeviceError } from "../../../src/base/error.js";

export class Observer {
	readonly #failed = new AbortController();
	readonly #looks = new Set<() => void>();

	/** Something happened: conditions may be true now. */
	notice(): void {
		for (const look of this.#looks) look();
	}

	/** What is waited for, now or later, cannot come true any more. Only the first call counts. */
	fail(error: Error): void {
		this.#failed.abort(error);
		this.notice();
	}

	/** @throws DeviceError `timeout` when `condition` is still false after `within` ms; the error passed to `fail` */
	until(what: string, within: number, condition: () => boolean): Promise<void> {
		return new Promise((resolve, reject) => {
			const end = (settle: () => void): void => {
				clearTimeout(timer);
				this.#looks.delete(look);
				settle();
			};
			const look = (): void => {
				if (this.#failed.signal.aborted) end(() => reject(this.#failed.signal.reason as Error));
				else if (condition()) end(resolve);
			};
			const late = new DeviceError("timeout", `${what}: not within ${within / 1_000} s`);
			const timer = setTimeout(() => end(() => reject(late)), within);
			this.#looks.add(look);
			look();
		});
	}
}
