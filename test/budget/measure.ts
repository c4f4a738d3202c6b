// SPDX-License-Identifier: Apache-2.0
/**
 * Runs programs on the XS engine with a device's memory, against the embedded cloud, and reads the meter.
 *
 * What is live was collected before, and ids and endpoints have the same lengths each time. Of what is left to chance,
 * the lengths of signatures in certificates, a chunk's alignment hides nearly all.
 */
import { randomFillSync } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHost } from "../../hosts/node/index.js";
import { serveCoAP } from "../../hosts/simulator/coap/serve.js";
import { CoAPServer } from "../../hosts/simulator/coap/server.js";
import { createAwsCloud, createCloud, IDENTITY_DOMAIN, writeIdentity, type Cloud, type DeviceIdentity } from "../../hosts/simulator/index.js";
import { build, packageRoot, type Bits } from "../../hosts/xs/node/build.js";
import { ExitCode, runXS, sdkImports, sdkModules } from "../../hosts/xs/node/run.js";
import { ARRIVAL_MAXIMUM } from "../../src/coap/arrivals.js";
import { moddableAliases } from "../bench/xs.js";
import { bundle } from "../xs/bundle.js";
import { FlowCloud } from "../xs/flow.js";
import { FIGURES_PREFIX, PART_PREFIX, type AwsSubject, type Figures, type OperatedSubject, type Part } from "./figures.js";

export const PROGRAMS = join(packageRoot, "dist/test/budget");
const HOST = join(PROGRAMS, "xs-host.js");
const PRELOADED = [...sdkModules(), join(PROGRAMS, "figures.js"), HOST, join(PROGRAMS, "xs-model.js")];
/** Bytes of a representation that is put together out of blocks. */
export const COAP_TRANSFER = 8_192;
/** Of what is observed: more than message IDs are remembered, so that nothing grows any more. */
const CHANGES = ARRIVAL_MAXIMUM + 2;
const RUN_LIMIT_MS = 30_000;
/** What the cloud desires in turn: as long each time. The first exchange makes what is made once. */
const DESIRED = [{ on: true, brightness: 30 }, { on: false, brightness: 70 }] as const;

/** Where the programs run, and the cloud that they talk to. */
export interface Bench {
	bits: Bits;
	cloud: Cloud;
	port: number;
	tlsPort: number;
	/** For devices' directories. */
	directory: string;
	devices: number;
}

export async function withBench<Result>(bits: Bits, use: (bench: Bench) => Promise<Result>): Promise<Result> {
	// Before any clock starts: the first build takes its time.
	await build(bits);
	const directory = mkdtempSync(join(tmpdir(), "moorline-budget-"));
	const cloud = await createCloud();
	try {
		const { port, tlsPort } = await cloud.serve({ port: 0, tlsPort: 0 });
		return await use({ bits, cloud, port: port!, tlsPort: tlsPort!, directory, devices: 0 });
	} finally {
		await cloud.close();
		rmSync(directory, { recursive: true });
	}
}

export interface Program {
	file: string;
	/** What the line that is followed by figures contains. */
	marker: string;
	words?: readonly string[];
	directory: string;
	/** Bytes, of an engine with 32 bits. */
	arena: number;
	/** How often the figures are waited for. */
	count: number;
	onFigures?(count: number): void;
	onPart?(part: Part): unknown;
	/** As `runXS` has them. */
	images?: { readonly slot: number; readonly factory: Uint8Array };
}

/** @returns the figures in turn; fewer than `count` when the memory was full. */
export async function run(bench: Bench, program: Program): Promise<Figures[]> {
	const figures: Figures[] = [];
	const done = new AbortController();
	const limit = AbortSignal.timeout(RUN_LIMIT_MS);
	const said: string[] = [];
	const { code } = await runXS({
		program: program.file,
		arguments: [program.marker, ...(program.words ?? [])],
		bits: bench.bits,
		// Slots of 64 bits are twice as long.
		arena: program.arena * (bench.bits / 32),
		directory: program.directory,
		...program.images === undefined ? {} : { images: program.images },
		imports: { ...sdkImports(), "moorline/host": HOST },
		preload: PRELOADED,
		signal: AbortSignal.any([done.signal, limit]),
		onErrorLine: (line) => said.push(line),
		onLine(line) {
			if (line.startsWith(PART_PREFIX)) return program.onPart?.(JSON.parse(line.slice(PART_PREFIX.length)) as Part);
			if (!line.startsWith(FIGURES_PREFIX)) return void said.push(line);
			figures.push(JSON.parse(line.slice(FIGURES_PREFIX.length)) as Figures);
			if (figures.length === program.count) done.abort();
			else program.onFigures?.(figures.length);
		},
	});
	if (figures.length < program.count && code !== ExitCode.MEMORY_FULL) {
		throw new Error(`${program.file} ended with ${code ?? "a signal"}:\n${said.join("\n")}`);
	}
	return figures;
}

export async function measureEmpty(bench: Bench, arena: number): Promise<Figures> {
	const directory = newDevice(bench);
	const [figures] = await run(bench, { file: join(PROGRAMS, "xs-empty.js"), marker: "ready", directory, arena, count: 1 });
	return figures!;
}

/** The MQTT client alone, over TCP. */
export async function measureClient(bench: Bench, arena: number): Promise<Figures> {
	const directory = newDevice(bench);
	const words = [String(bench.port)];
	const [figures] = await run(bench, { file: join(PROGRAMS, "xs-mqtt.js"), marker: "ready", words, directory, arena, count: 1 });
	return figures!;
}

/** The CoAP client alone, over UDP: from the start to an observation, and a change with a transfer in blocks. */
export async function measureCoAP(bench: Bench, arena: number): Promise<ExchangeFigures> {
	const figures = await runCoAP(bench, arena);
	if (figures.length <= CHANGES) throw new Error(`CoAP does not fit ${arena} bytes`);
	return { connecting: figures[0]!, exchange: figures.at(-1)! };
}

/** Whether all of that is done in this arena. */
export async function coapFits(bench: Bench, arena: number): Promise<boolean> {
	return (await runCoAP(bench, arena)).length > CHANGES;
}

async function runCoAP(bench: Bench, arena: number): Promise<Figures[]> {
	const file = new Uint8Array(COAP_TRANSFER).fill(0x41);
	let state = 0;
	const server = new CoAPServer({
		handler: ({ path }, reply) => reply(path[0] === "file" ? { code: "2.05", payload: file } : { code: "2.05", payload: Uint8Array.of(state), observable: true }),
		random: (target) => { randomFillSync(target); },
	});
	const served = await serveCoAP(server, { udpPort: 0 });
	try {
		return await run(bench, {
			file: join(PROGRAMS, "xs-coap.js"), marker: "ready", words: [String(served.udpPort), String(COAP_TRANSFER)],
			directory: newDevice(bench), arena, count: 1 + CHANGES,
			onFigures: (measured) => {
				state = measured;
				server.notify(({ path }) => path[0] === "state");
			},
		});
	} finally {
		await served.close();
	}
}

/** The MQTT client after long use, on a network in memory. */
export async function measureCycles(bench: Bench, arena: number): Promise<Part[]> {
	const parts: Part[] = [];
	const file = join(PROGRAMS, "xs-cycles.js");
	await run(bench, { file, marker: "ready", directory: newDevice(bench), arena, count: 1, onPart: (part) => parts.push(part) });
	return parts;
}

/** What a reply of 64 KB takes, part by part; all of it arrives. */
export async function measureReply(bench: Bench, arena: number): Promise<Part[]> {
	const { cloud } = bench;
	const directory = newDevice(bench);
	const id = `lamp-${100 + bench.devices}`;
	identify(directory, await cloud.manufacture(id));
	const parts: Part[] = [];
	const file = join(PROGRAMS, "xs-reply.js");
	await run(bench, {
		file, marker: "ready", directory, arena, count: 3,
		onPart: (part) => parts.push(part), onFigures: () => { cloud.commands.send(id, null); },
	});
	return parts;
}

/** A log at work, with a cloud that takes all at once. */
export async function measureLog(bench: Bench, arena: number): Promise<Part[]> {
	const parts: Part[] = [];
	const file = join(PROGRAMS, "xs-log.js");
	await run(bench, { file, marker: "ready", directory: newDevice(bench), arena, count: 1, onPart: (part) => parts.push(part) });
	return parts;
}

/** Idle clients on a network in memory: Moddable's, out of the SDK in the folder `sdk`, and ours. */
export async function measureModdable(bench: Bench, arena: number, sdk: string): Promise<Part[]> {
	const parts: Part[] = [];
	const file = join(bench.directory, "moddable.mjs");
	const entry = join(PROGRAMS, "xs-moddable.js");
	await bundle({ entries: [entry], outfile: file, preloaded: PRELOADED, aliases: moddableAliases(sdk) });
	await run(bench, { file, marker: "ready", directory: newDevice(bench), arena, count: 1, onPart: (part) => parts.push(part) });
	return parts;
}

/** The host's own, in turn. */
export async function measureParts(bench: Bench, arena: number): Promise<Part[]> {
	const echo = createServer((socket) => {
		socket.on("error", () => socket.destroy());
		socket.pipe(socket);
	}).listen(0, "127.0.0.1");
	await once(echo, "listening");
	const parts: Part[] = [];
	try {
		const words = [String((echo.address() as AddressInfo).port)];
		const file = join(PROGRAMS, "xs-parts.js");
		await run(bench, { file, marker: "ready", words, directory: newDevice(bench), arena, count: 1, onPart: (part) => parts.push(part) });
		return parts;
	} finally {
		echo.close();
	}
}

export interface ExchangeFigures {
	/** From the start until it was in sync. */
	connecting: Figures;
	/** One change that the cloud desires, and all that follows until it is reported; then idle. */
	exchange: Figures;
}

export async function measureLamp(bench: Bench, arena: number): Promise<ExchangeFigures> {
	const figures = await runLamp(bench, arena, 1 + DESIRED.length);
	if (figures.length < 1 + DESIRED.length) throw new Error(`the lamp does not fit ${arena} bytes`);
	return { connecting: figures[0]!, exchange: figures.at(-1)! };
}

/** Whether the lamp connects and syncs in this arena. */
export async function lampFits(bench: Bench, arena: number): Promise<boolean> {
	return (await runLamp(bench, arena, 1)).length === 1;
}

/** The least arena that does, to a multiple of `step`; `most` is known to do. */
export async function smallestArena(most: number, step: number, fits: (arena: number) => Promise<boolean>): Promise<number> {
	let fails = 0;
	let does = Math.ceil(most / step);
	while (does - fails > 1) {
		const middle = Math.floor((fails + does) / 2);
		if (await fits(middle * step)) does = middle;
		else fails = middle;
	}
	return does * step;
}

/** The example, unchanged, over TLS. */
async function runLamp(bench: Bench, arena: number, count: number): Promise<Figures[]> {
	const { cloud } = bench;
	const directory = newDevice(bench);
	// A device of its own each time, so that the cloud knows nothing of it.
	const id = `lamp-${100 + bench.devices}`;
	identify(directory, await cloud.manufacture(id));
	return run(bench, {
		file: join(packageRoot, "dist/examples/lamp/main.js"), marker: "in sync", directory, arena, count,
		onFigures: (measured) => { cloud.shadows.desire(id, DESIRED[measured - 1]!); },
	});
}

/** A device at AWS that is in sync, and then is told something; the client alone is told nothing. */
export async function measureAws(bench: Bench, arena: number, subject: AwsSubject): Promise<ExchangeFigures> {
	const cloud = await createAwsCloud({ limits: { connectsPerSecond: Infinity } });
	try {
		await cloud.serve({ tlsPort: 0 });
		const id = "lamp-100";
		const directory = newDevice(bench);
		identify(directory, await cloud.manufacture(id));
		const changes = subject === "client" ? [] : DESIRED.map(({ brightness }) => subject === "document" ? { group2: { field3: brightness } } : { brightness });
		const figures = await run(bench, {
			file: join(PROGRAMS, "xs-aws.js"), marker: "ready", words: [subject], directory, arena, count: 1 + changes.length,
			onFigures: (measured) => { cloud.shadows.desire(id, changes[measured - 1]!); },
		});
		if (figures.length < 1 + changes.length) throw new Error(`${subject} does not fit ${arena} bytes`);
		return { connecting: figures[0]!, exchange: figures.at(-1)! };
	} finally {
		await cloud.close();
	}
}

/** A lamp in sync and idle; with a log or a heartbeat also after so many records and counts. */
export async function measureOperated(bench: Bench, arena: number, subject: OperatedSubject): Promise<Figures[]> {
	const directory = newDevice(bench);
	identify(directory, await bench.cloud.manufacture(`lamp-${100 + bench.devices}`));
	const count = subject === "log" || subject === "heartbeat" || subject === "all" ? 2 : 1;
	return run(bench, { file: join(PROGRAMS, "xs-operated.js"), marker: "ready", words: [subject], directory, arena, count });
}

/** The least arena for a thing's first day at AWS: from its claim to an answered command. */
export async function smallestFlowArena(bench: Bench, most: number, step: number): Promise<number> {
	const cloud = await FlowCloud.make();
	const { bits, directory } = bench;
	const factor = bits / 32;
	try {
		return await smallestArena(most, step, async (arena) => {
			const { complete } = await cloud.run({ bits, arena: arena * factor, directory: join(directory, String(bench.devices++)) });
			return complete;
		});
	} finally {
		await cloud.close();
	}
}

export function identify(directory: string, identity: DeviceIdentity): void {
	const storage = createHost({ directory }).storage.open({ path: IDENTITY_DOMAIN });
	writeIdentity(storage, identity);
	storage.close();
}

/** The directory of a new device. */
export function newDevice(bench: Bench): string {
	const directory = join(bench.directory, String(bench.devices++));
	mkdirSync(directory);
	return directory;
}
