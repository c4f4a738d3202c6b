// SPDX-License-Identifier: Apache-2.0
/**
 * Measures memory on the 32-bit engine, whose slots have the 16 bytes of the chip's.
 *
 * The lamp's other side is the simulator's cloud, with TLS and client certificates.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { packageRoot, type Bits } from "../../hosts/xs/node/build.js";
import { runXS } from "../../hosts/xs/node/run.js";
import { temporaryDirectory } from "../xs/runner.js";
import { hostRows, lampRows, syncOnce } from "./rows.js";

export interface Row {
	name: string;
	slots: number;
	/** Bytes. */
	chunks: number;
	/** Slots at peak; 0 where it was not measured. */
	stack: number;
}

/** What of the simulator is used here. */
interface Cloud {
	serve(options: { tlsPort: number }): Promise<unknown>;
	manufacture(id: string): Promise<object>;
	readonly shadows: { desire(id: string, patch: object): unknown };
	close(): Promise<void>;
}

interface Simulator {
	createCloud(): Promise<Cloud>;
	identityValues(identity: object): Record<string, Uint8Array>;
}

const nativeModule = join(packageRoot, "dist/hosts/xs/native.js");
const simulatorModule = join(packageRoot, "dist/hosts/simulator/index.js");
const LAMP = "lamp-1";
const RUN_LIMIT_MS = 60_000;
/** The search for the smallest arena: from here down to this precision, in bytes. */
const ARENA_START = 65_536;
const ARENA_STEP = 512;

async function run(bits: Bits, source: string, options: {
	values?: readonly string[]; directory: string; arena?: number; onLine?: (line: string) => void;
}): Promise<string[]> {
	const { values = [], directory, arena, onLine } = options;
	const program = join(directory, "program.js");
	writeFileSync(program, source);
	const lines: string[] = [];
	const { code, errors } = await runXS({
		program, directory, bits, arguments: values, signal: AbortSignal.timeout(RUN_LIMIT_MS),
		...(arena === undefined ? {} : { arena }),
		onLine(line) {
			lines.push(line);
			onLine?.(line);
		},
	});
	if (code !== 0) throw new Error(`the measured program ended with ${code}: ${errors.join("\n")}`);
	return lines;
}

function toRows(lines: readonly string[]): Row[] {
	return lines.filter((line) => line.startsWith("#budget ")).map((line) => {
		const [name, slots, chunks, stack] = line.slice("#budget ".length).split("\t");
		return { name: name!, slots: Number(slots), chunks: Number(chunks), stack: Number(stack) };
	});
}

async function measureHost(bits: Bits, directory: string): Promise<Row[]> {
	const server = createServer((socket) => {
		socket.on("error", () => socket.destroy());
		socket.pipe(socket);
	});
	await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
	try {
		return toRows(await run(bits, hostRows(nativeModule), { directory, values: [String((server.address() as AddressInfo).port)] }));
	} finally {
		server.close();
	}
}

/** The smallest arena in which a lamp connects and gets in sync. */
async function smallestArena(bits: Bits, directory: string): Promise<number> {
	let good = ARENA_START;
	let bad = 0;
	while (good - bad > ARENA_STEP) {
		const arena = Math.round((good + bad) / 2 / ARENA_STEP) * ARENA_STEP;
		try {
			await run(bits, syncOnce(), { directory, arena });
			good = arena;
		} catch {
			bad = arena;
		}
	}
	return good;
}

async function measureLamp(bits: Bits, directory: string): Promise<Row[]> {
	const { createCloud, identityValues } = await import(simulatorModule) as Simulator;
	const cloud = await createCloud();
	try {
		await cloud.serve({ tlsPort: 0 });
		const identity = join(directory, "storage", "identity");
		mkdirSync(identity, { recursive: true });
		for (const [key, value] of Object.entries(identityValues(await cloud.manufacture(LAMP)))) writeFileSync(join(identity, key), value);
		const rows = toRows(await run(bits, lampRows(nativeModule), {
			directory,
			onLine(line) { if (line === "#ready") cloud.shadows.desire(LAMP, { on: true, brightness: 40 }); },
		}));
		const arena = await smallestArena(bits, directory);
		return [...rows, { name: "arena: smallest in which a lamp connects and syncs", slots: 0, chunks: arena, stack: 0 }];
	} finally {
		await cloud.close();
	}
}

export async function measure(bits: Bits): Promise<Row[]> {
	const directory = temporaryDirectory();
	try {
		return [...await measureHost(bits, directory), ...await measureLamp(bits, directory)];
	} finally {
		rmSync(directory, { recursive: true });
	}
}
