// SPDX-License-Identifier: Apache-2.0
/**
 * A set of numbers as ranges: what was released, ahead of a record that is still held.
 *
 * Neighbours make one range, so that a stream of packets acknowledged behind a stubborn one takes no more room than
 * its first. Memory: two numbers for each range, and there are at most `RANGES_MAXIMUM`.
 */
import { DeviceError } from "../base/error.js";
import { stepped, steps } from "../storage/serial.js";

export const RANGES_MAXIMUM = 64;

export class Ranges {
	/** First number of each range and the first behind it, in turn; ascending, with gaps between. */
	readonly bounds: number[] = [];

	has(number: number): boolean {
		const at = this.after(number);
		return at > 0 && steps(number, this.bounds[at - 1]!) > 0;
	}

	/** @throws DeviceError `internal` when it is in already, `state` when there are too many ranges */
	add(number: number): void {
		const { bounds } = this;
		const at = this.after(number), end = stepped(number, 1);
		if (at > 0 && steps(number, bounds[at - 1]!) > 0) {
			throw new DeviceError("internal", `record ${number} released twice`);
		}
		const joinsBefore = at > 0 && bounds[at - 1] === number, joinsAfter = bounds[at] === end;
		if (joinsBefore && joinsAfter) bounds.splice(at - 1, 2);
		else if (joinsBefore) bounds[at - 1] = end;
		else if (joinsAfter) bounds[at] = number;
		else if (bounds.length < 2 * RANGES_MAXIMUM) bounds.splice(at, 0, number, end);
		else throw new DeviceError("state", `over ${RANGES_MAXIMUM} ranges of released records wait for older ones`);
	}

	/** Forgets what is before `number`, which is in none. */
	trim(number: number): void {
		this.bounds.splice(0, this.after(number));
	}

	/** Numbers in all ranges. */
	get count(): number {
		const { bounds } = this;
		let count = 0;
		for (let at = 0; at < bounds.length; at += 2) count += steps(bounds[at]!, bounds[at + 1]!);
		return count;
	}

	/** Index in `bounds` of the first range that begins after `number`. */
	private after(number: number): number {
		const { bounds } = this;
		let at = 0;
		while (at < bounds.length && steps(bounds[at]!, number) >= 0) at += 2;
		return at;
	}
}
