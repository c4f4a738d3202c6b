// SPDX-License-Identifier: Apache-2.0
/** The clock around a service, and what it said: what the tests of all services share. */

/** Of a service, what is driven. */
export interface Driven {
	readonly deadline: number;
	expire(now: number): void;
}

/** Turns at one instant: more means that something is due for ever. */
const TURN_MAXIMUM = 20;

export abstract class ServiceRig {
	now = 1_000;
	lines: string[] = [];
	/** What the port answers. */
	room = true;
	/** What the port throws. */
	failure: Error | undefined;

	protected abstract readonly driven: Driven;

	/** For the port: notes the request. */
	asked(line: string): boolean {
		if (this.failure !== undefined) throw this.failure;
		this.lines.push(this.room ? line : `no room: ${line}`);
		return this.room;
	}

	/** Does what is due at once. */
	turn(): void {
		for (let turns = 0; this.driven.deadline <= this.now; turns++) {
			if (turns > TURN_MAXIMUM) throw new Error("due for ever");
			this.driven.expire(this.now);
		}
	}

	/** Lets time pass from deadline to deadline. */
	wait(duration: number): void {
		const end = this.now + duration;
		while (this.driven.deadline <= end) {
			this.now = Math.max(this.now, this.driven.deadline);
			this.turn();
		}
		this.now = end;
	}

	/** What was said since the last time. */
	take(): string[] {
		const { lines } = this;
		this.lines = [];
		return lines;
	}
}
