// SPDX-License-Identifier: Apache-2.0
/** `npm start`: the day of a lamp, told while it happens. Exit codes: 0 seen to its end, 1 failed, 130 interrupted. */
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { Listr } from "listr2";
import { Console } from "../cli/console.js";
import { interruptible } from "../cli/interrupt.js";
import { Day } from "./day.js";
import { bar, isTold } from "./progress.js";

const PROGRAM = fileURLToPath(new URL("../../../../examples/update", import.meta.url));
/** For what a step waits for (ms); the longest, the reconnect, is a matter of a few seconds. */
const DEADLINE = 30_000;
const INTERRUPTED = 130;

interface Row { title: string; seen: string; took: string }

async function main(interrupted: AbortSignal): Promise<number> {
	/** What happens between the steps and after them has nobody to tell it to: a finished task takes no output. */
	let tell: ((line: string) => void) | undefined;
	const rows: Row[] = [];
	const began = performance.now();
	const day = new Day({
		program: PROGRAM, deadline: DEADLINE, onLine: line => tell?.(line),
		onProgress: (percent, total) => {
			if (process.stdout.isTTY || isTold(percent)) tell?.(bar(percent, total));
		},
	});
	interrupted.addEventListener("abort", () => day.interrupt(new Error("interrupted")));
	const tasks = day.steps.map(({ title, run }) => ({
		title,
		task: async (_context: unknown, task: { output: string | undefined }): Promise<void> => {
			tell = line => { task.output = line; };
			const began = performance.now();
			try {
				const seen = await run();
				rows.push({ title, seen, took: seconds(began) });
			} finally {
				tell = undefined;
			}
		},
	}));
	try {
		// It would end the process on Ctrl-C before the device's process and directory are gone.
		await new Listr(tasks, { registerSignalListeners: false }).run();
	} catch (error) {
		if (interrupted.aborted) return INTERRUPTED;
		return new Console({}).fail(error);
	} finally {
		await day.close();
	}
	const summary = table([{ title: "Step", seen: "Seen", took: "Took" }, ...rows]);
	process.stdout.write(`\n${summary}\n\nThe day went well, in ${seconds(began)}.\n`);
	return 0;
}

function table(rows: readonly Row[]): string {
	const width = Math.max(...rows.map(({ title }) => title.length));
	return rows.map(({ title, seen, took }) => `${title.padEnd(width)}  ${took.padStart(7)}  ${seen}`).join("\n");
}

function seconds(began: number): string {
	return `${((performance.now() - began) / 1_000).toFixed(1)} s`;
}

process.exitCode = await interruptible(main);
