// SPDX-License-Identifier: Apache-2.0
/** `moorline run PROGRAM`: a device program on the laptop, unchanged, on one of the hosts. */
import { type Command, Option } from "commander";
import { Console, UsageError } from "./console.js";
import { interruptible } from "./interrupt.js";
import { arena, checkFiles, cloudURL, deviceName, duration, seed } from "./options.js";
import { findProgram } from "./program.js";
import { PROTOCOLS, type Protocol } from "./schemes.js";
import type { SiteOptions } from "./site.js";

type HostName = "node" | "xs" | "world";

export interface RunOptions extends SiteOptions {
	host: HostName;
	seed?: number;
	arena?: number;
	images?: boolean;
	sourceMap?: string;
	record?: string;
	for?: number;
	json?: boolean;
	verbose?: boolean;
}

/** What a runner is given. It returns when the program has ended, when `stopped` is aborted or the duration is over. */
export interface Run {
	/** The program. */
	file: string;
	options: RunOptions;
	output: Console;
	stopped: AbortSignal;
}

/** Each loads what its host needs when it is asked to run: help and mistakes need not wait for that. */
const RUNNERS: Readonly<Record<HostName, (run: Run) => Promise<void>>> = Object.freeze({
	node: async (run: Run) => (await import("./run-node.js")).runNode(run),
	xs: async (run: Run) => (await import("./run-xs.js")).runXSHost(run),
	world: async (run: Run) => (await import("./run-world.js")).runWorld(run),
});

/** Options that mean something to some hosts only. */
const HOSTS_OF: Readonly<Partial<Record<keyof RunOptions, readonly HostName[]>>> = Object.freeze({
	broker: ["node", "xs"], ca: ["node", "xs"], cert: ["node", "xs"], key: ["node", "xs"], psk: ["node", "xs"], directory: ["node", "xs"],
	seed: ["world"],
	arena: ["xs"],
	images: ["node"],
	sourceMap: ["node", "xs"],
	record: ["node", "world"],
});

/** The world's cloud has no WebSockets for CoAP. */
const WORLD_PROTOCOLS: readonly Protocol[] = Object.freeze(["mqtts", "coap", "coap+tcp", "coaps+tcp"]);

const HOSTS = "node: real sockets and files; xs: the device's engine and memory; world: virtual time and network, seeded";

export function addRun(program: Command): void {
	program.command("run")
		.description("Run a device program. Without --broker it gets a cloud of its own, and the identity to connect to it.")
		.argument("<program>", "a folder with main.ts, or a file; TypeScript or JavaScript")
		.addOption(new Option("--host <host>", HOSTS).choices(Object.keys(RUNNERS)).default("node"))
		.option("--broker <url>", "connect to this broker: mqtts://name:port or mqtt://name:port; or to a server of CoAP: coap://, coap+tcp:// and so on", cloudURL)
		.option("--ca <file>", "with --broker: trust anchor, PEM or DER")
		.option("--cert <file>", "with --broker: the device's certificate, PEM or DER")
		.option("--key <file>", "with --broker: the private key of --cert, PEM or DER, without passphrase")
		.option("--psk <file>", "with --broker coaps://: a line with the name of the shared key, a colon, and the key in hexadecimal")
		.option("--id <name>", "name of the device; default: the certificate's common name, else the program's name", deviceName)
		.addOption(new Option("--protocol <protocol>", "without --broker: how it reaches the cloud of its own").choices(PROTOCOLS).default("mqtts"))
		.option("--directory <directory>", "keeps what the device keeps; default: a temporary one")
		.option("--images", "node: with two slots for images, so that its firmware can be updated, and it starts again after a crash; the program is what a new device has in the first")
		.option("--seed <number>", "world: the same seed gives the same run and the same fingerprint; default 1", seed)
		.option("--arena <bytes>", "xs: memory for slots and chunks", arena)
		.option("--source-map <file>", "node, xs: writes the map to the program's sources, for `moorline symbolicate`")
		.option("--record <file>", "node, world: record all that comes into the program, for `moorline replay`; without the device's secrets")
		.option("--for <duration>", "end after this time, such as 90s or 1h; world: virtual time, default 1h", duration)
		.option("--json", "print one JSON object a line")
		.option("--verbose", "show where a failure came from")
		.action((program: string, options: RunOptions) => interruptible(interrupted => run(program, options, interrupted)));
}

/** As it is on the command line. */
function dashed(name: string): string {
	return name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
}

async function run(program: string, options: RunOptions, interrupted: AbortSignal): Promise<void> {
	for (const [name, hosts] of Object.entries(HOSTS_OF)) {
		if (name in options && !hosts.includes(options.host)) throw new UsageError(`--${dashed(name)} means nothing with --host ${options.host}`);
	}
	checkFiles(options);
	if (options.broker !== undefined && options.protocol !== "mqtts") throw new UsageError("--protocol means nothing with --broker");
	if (options.host === "world" && !WORLD_PROTOCOLS.includes(options.protocol)) throw new UsageError(`--protocol ${options.protocol} means nothing with --host world`);
	const file = await findProgram(program);
	await RUNNERS[options.host]({ file, options, output: new Console(options), stopped: interrupted });
}
