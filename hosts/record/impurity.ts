// SPDX-License-Identifier: Apache-2.0
/**
 * Notes that a program asks for the time or for a random number past its host: its replay gets others.
 *
 * The platform's own code asks, too, and is told apart by when it runs: not while the program does.
 */
import type { Recorder } from "./recorder.js";

export function watchImpurity(recorder: Recorder): void {
	const noted = new Set<string>();
	const note = (what: string): void => {
		if (!recorder.inProgram || noted.has(what)) return;
		noted.add(what);
		recorder.noteImpure(what);
		process.stderr.write(`moorline: the program asks ${what}, which no replay knows; its host has the same\n`);
	};
	const { random } = Math, RealDate = Date;
	Math.random = () => {
		note("Math.random");
		return random();
	};
	globalThis.Date = new Proxy(RealDate, {
		construct(target, args: []) {
			if (args.length === 0) note("Date");
			return Reflect.construct(target, args) as Date;
		},
		get(target, name) {
			if (name === "now") note("Date");
			return Reflect.get(target, name) as unknown;
		},
	});
}
