// SPDX-License-Identifier: Apache-2.0
/** The cloud of `moorline simulate`: opens it, introduces its devices, tells what it notices, and ends with Ctrl-C. */
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { ManifestView } from "../../release/index.js";
import { createAuthority } from "../authority.js";
import { OPERATOR_ID } from "../backend.js";
import { ControlActions } from "../control/actions.js";
import { openControl, type ControlServer } from "../control/server.js";
import { readRules, type Rule } from "../operations/rules.js";
import { openCloud, type OpenedCloud, type ServedCloud } from "./clouds.js";
import { Console, UsageError } from "./console.js";
import { type CertificateFiles, manufactureFiles } from "./factory.js";
import { readPem } from "./identity.js";
import { aborted } from "./interrupt.js";
import { describeRelease, readBytes, readText } from "./release-files.js";
import type { SimulateOptions } from "./simulate.js";
import { notificationText } from "./stats.js";
import { commandLine, exampleProgram, ownCommand } from "./words.js";

const LOCAL_NAMES = ["localhost", "127.0.0.1", "::1"] as const;
const WILDCARDS: readonly string[] = ["0.0.0.0", "::"];

export async function runCloud(options: SimulateOptions, interrupted: AbortSignal): Promise<void> {
	const output = new Console(options);
	const releases = await Promise.all((options.offer ?? []).map(readRelease));
	const rules = options.rules === undefined ? undefined : await readRulesFile(options.rules);
	const control = await openControl(options.directory);
	try {
		await run(options, releases, rules, control, output, interrupted);
	} finally {
		await control.close();
	}
	output.say("stopped", {}, "Stopped.");
}

async function run(options: SimulateOptions, releases: readonly ReadRelease[], rules: readonly Rule[] | undefined, control: ControlServer, output: Console, interrupted: AbortSignal): Promise<void> {
	const authority = await createAuthority({ directory: options.directory });
	const opened = await openCloud(options.cloud === "aws" ? "aws" : "private", authority, options.directory, rules, error => {
		output.note("failure", { code: error.code, message: error.message }, `moorline: ${error.code}: ${error.message}`);
	});
	const { cloud } = opened;
	cloud.onNotification = notification => { output.say("notification", notification, notificationText(notification)); };
	try {
		if (options.broker === undefined) await serve(opened, options, output);
		else await bridge(opened, options.broker, options, output);
		await serveCoAP(opened, options, output);
		for (const id of options.device ?? []) {
			introduce(opened, id, await manufactureFiles(cloud, id, join(options.directory, "devices"), options.keyType), options, output);
		}
		opened.follow((event, fields, text) => output.say(event, fields, text));
		for (const release of releases) offer(cloud, release, options.device!, output);
		control.serve(new ControlActions(opened.operated).act);
		output.say("ready", {}, "Ready. Ctrl-C ends it.");
		await aborted(interrupted);
	} finally {
		await cloud.close();
	}
}

/** @throws DeviceError `argument` */
async function readRulesFile(file: string): Promise<readonly Rule[]> {
	let document: unknown;
	try {
		document = JSON.parse(await readText(file));
	} catch (error) {
		if (!(error instanceof SyntaxError)) throw error;
		throw new UsageError(`${file} is not JSON: ${error.message}`);
	}
	try {
		return readRules(document);
	} catch (error) {
		throw new UsageError(`${file}: ${(error as Error).message}`);
	}
}

async function serve({ cloud, watch: filters, serve: start }: OpenedCloud, options: SimulateOptions, output: Console): Promise<void> {
	const { host, alpnPort } = options;
	const { port, tlsPort, webSocketPort, secureWebSocketPort, sharedPort } = await start({
		host, port: options.port, tlsPort: options.tlsPort, webSocketPort: options.wsPort, secureWebSocketPort: options.wssPort, alpnPort, names: serverNames(host),
		onRefused: reason => output.say("refused", { reason }, `a connection was refused: ${reason}`),
	});
	const ca = join(options.directory, "authority.pem");
	const { hostname: name } = new URL(cloud.endpoint!);
	const local = WILDCARDS.includes(host) ? "127.0.0.1" : host;
	const watch = commandLine("mosquitto_sub", "-h", local, "-p", String(port), "-i", OPERATOR_ID, ...filters.flatMap(filter => ["-t", filter]), "-v");
	output.say("broker", { host, port, tlsPort, webSocketPort, secureWebSocketPort, alpnPort: sharedPort, endpoint: cloud.endpoint, ca, watch }, [
		`Broker     ${cloud.endpoint}, certificates required`,
		`           mqtt://${local}:${port}, names are believed`,
		...(secureWebSocketPort === undefined ? [] : [`           wss://${local}:${secureWebSocketPort}, certificates required`]),
		...(sharedPort === undefined ? [] : [`           mqtts://${name}:${sharedPort} and wss://${name}:${sharedPort}/mqtt, told apart by ALPN`]),
		...(webSocketPort === undefined ? [] : [`           ws://${local}:${webSocketPort}, names are believed`]),
		`Authority  ${ca}`,
		`Watch      ${watch}`,
	].join("\n"));
}

/** Beside the broker, whoever's it is. */
async function serveCoAP({ serveCoAP: start }: OpenedCloud, options: SimulateOptions, output: Console): Promise<void> {
	const { host, coapPort, coapsPort, coapWsPort, coapsWsPort } = options;
	if (start === undefined || [coapPort, coapsPort, coapWsPort, coapsWsPort].every(port => port === undefined)) return;
	const { coap } = await start({
		host, coapPort, coapTcpPort: coapPort, coapsTcpPort: coapsPort, coapWebSocketPort: coapWsPort, coapsWebSocketPort: coapsWsPort, names: serverNames(host),
		onRefused: reason => output.say("refused", { reason }, `a connection was refused: ${reason}`),
	});
	const { udpPort, tcpPort, tlsPort, webSocketPort, secureWebSocketPort } = coap!;
	const [name] = serverNames(host), local = WILDCARDS.includes(host) ? "127.0.0.1" : host;
	const lines = [
		...(tlsPort === undefined ? [] : [`coaps+tcp://${name}:${tlsPort}, certificates required`]),
		...(udpPort === undefined ? [] : [`coap://${local}:${udpPort}, names are believed`]),
		...(tcpPort === undefined ? [] : [`coap+tcp://${local}:${tcpPort}, names are believed`]),
		...(secureWebSocketPort === undefined ? [] : [`coaps+ws://${name}:${secureWebSocketPort}, certificates required`]),
		...(webSocketPort === undefined ? [] : [`coap+ws://${local}:${webSocketPort}, names are believed`]),
	];
	output.say("coap", { host, udpPort, tcpPort, tlsPort, webSocketPort, secureWebSocketPort }, lines.map((line, index) => `${index === 0 ? "CoAP      " : "          "} ${line}`).join("\n"));
}

async function bridge(opened: OpenedCloud, url: string, options: SimulateOptions, output: Console): Promise<void> {
	const pem = await readPem(options);
	await opened.bridge!({
		url, ...pem,
		onState: (state, detail) => {
			output.say("bridge", { state, detail }, `bridge ${state}${detail === undefined ? "" : `: ${detail}`}`);
		},
	});
	const ca = options.ca ?? join(options.directory, "authority.pem");
	output.say("broker", { endpoint: url, ca }, `Broker     ${url}\nAuthority  ${ca}`);
}

/** The first is the one that devices are told. */
function serverNames(host: string): readonly string[] {
	if (LOCAL_NAMES.some(name => name === host)) return LOCAL_NAMES;
	return [WILDCARDS.includes(host) ? hostname() : host, ...LOCAL_NAMES];
}

function introduce({ cloud, hasExample }: OpenedCloud, id: string, files: CertificateFiles, options: SimulateOptions, output: Console): void {
	const ca = options.ca ?? join(options.directory, "authority.pem");
	const identity = ["--broker", cloud.endpoint!, "--ca", ca, "--cert", files.cert, "--key", files.key];
	const run = hasExample ? commandLine(...ownCommand(), "run", exampleProgram(), ...identity) : undefined;
	output.say("device", { device: id, ca, ...files, run }, `Device     ${id}: ${files.cert}, ${files.key}${run === undefined ? "" : `\nRun        ${run}`}`);
}

interface ReadRelease {
	readonly bytes: Uint8Array;
	readonly manifest: ManifestView;
}

/** Who signed it is for the devices to judge. */
async function readRelease(file: string): Promise<ReadRelease> {
	const { readManifest, viewManifest } = await import("../../release/index.js");
	const bytes = await readBytes(file);
	return { bytes, manifest: viewManifest(readManifest(bytes)) };
}

function offer({ updates }: ServedCloud, { bytes, manifest }: ReadRelease, devices: readonly string[], output: Console): void {
	// A device may remember jobs from before this cloud was started: the same name is the same release.
	const id = `update-${createHash("sha256").update(bytes).digest("hex").slice(0, 8)}`;
	updates.offer({ id, release: bytes, devices });
	output.say("offer", { job: id, devices, manifest }, `Offer      ${id} to ${devices.join(", ")}: ${describeRelease(manifest)}`);
}
