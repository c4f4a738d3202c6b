// SPDX-License-Identifier: Apache-2.0
/** The end of the day: the lamp does as it is told, is looked at more closely, and dies of what nobody had tried. */
import { performance } from "node:perf_hooks";
import { parseStack, Symbols } from "../cli/symbols.js";
import type { DeviceCommand } from "../services/commands.js";
import type { JsonObject } from "../services/json.js";
import type { CrashReport, LogsReport } from "../services/report-body.js";
import type { Version } from "./maker.js";
import { ID, since, type Stage, type Step } from "./stage.js";

const FINE = 2, TOO_MANY = 3;
/** s for which the lamp tells more. */
const DETAIL = 60;

export class Evening {
	readonly steps: readonly Step[];
	readonly #stage: Stage;
	readonly #version: () => Version;

	/** @param version what the lamp runs, asked for once the first step does */
	constructor(stage: Stage, version: () => Version) {
		this.#stage = stage;
		this.#version = version;
		this.steps = [
			{ title: "The lamp blinks on command", run: () => this.#blink() },
			{ title: "Its log is told to say more, and asked for", run: () => this.#detail() },
			{ title: "A command crashes the lamp", run: () => this.#crash() },
			{ title: "Its report says where", run: () => this.#explain() },
		];
	}

	async #blink(): Promise<string> {
		const began = performance.now();
		const { status } = await this.#ask("blink", { times: FINE });
		return `${status} after ${since(began)}`;
	}

	async #detail(): Promise<string> {
		const { reports } = this.#stage.cloud;
		const { result } = await this.#ask("log-level", { level: "debug", seconds: DETAIL });
		await this.#ask("blink", { times: FINE });
		await this.#ask("report", { kinds: ["logs"] });
		const records = () => reports.reports(ID, "logs").flatMap(({ report }) => (report as LogsReport).records);
		await this.#stage.until("the lamp's log is told", () => records().some(([, , , , message]) => message === "blinks"));
		const all = records(), [number, , , module, message] = all.at(-1)!;
		return `${JSON.stringify(result)}; ${all.length} records, the last: ${number} ${module} "${message}"`;
	}

	async #crash(): Promise<string> {
		const began = performance.now(), stage = this.#stage;
		const { status, reason } = await this.#ask("blink", { times: TOO_MANY });
		await stage.until("the lamp is back", () => stage.isOnline);
		return `${status} ${reason}; back after ${since(began)}`;
	}

	async #explain(): Promise<string> {
		const stage = this.#stage, { reports } = stage.cloud;
		// What version 3 died of was told before.
		const find = () => reports.reports(ID, "crash").map(({ report }) => report as CrashReport).find(({ stack }) => stack?.includes("blinkTime"));
		await stage.until("the lamp tells what it died of", () => find() !== undefined);
		const { message, stack, version, logs } = find()!, symbols = Symbols.of([this.#version().map]);
		const [frame] = parseStack(stack!), origin = symbols.find(frame!);
		if (origin === undefined) throw new Error(`the report leads nowhere: ${stack}`);
		return `${version}: ${message}, in ${frame!.name}, ${origin.source.split("/").at(-1)}:${origin.line}; its last ${logs!.length} records before it`;
	}

	/** @returns the command once it has ended */
	async #ask(command: string, parameters: JsonObject): Promise<DeviceCommand> {
		const stage = this.#stage, { commands } = stage.cloud;
		const id = commands.send(ID, { command, parameters });
		const isOver = (): boolean => !["CREATED", "IN_PROGRESS"].includes(commands.get(ID, id)!.status);
		await stage.until(`the lamp ends the command ${command}`, isOver);
		return commands.get(ID, id)!;
	}
}
