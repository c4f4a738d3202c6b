// SPDX-License-Identifier: Apache-2.0
/** The simulated Golioth of `moorline simulate --cloud golioth`: plain CoAP for one device, until Ctrl-C. */
import type { ManifestView } from "../../release/index.js";
import { createGoliothCloud, type GoliothCloud } from "../clouds/golioth/cloud.js";
import { Console, UsageError } from "./console.js";
import { aborted } from "./interrupt.js";
import { describeRelease, readBytes } from "./release-files.js";
import type { SimulateOptions } from "./simulate.js";
import { commandLine, ownCommand } from "./words.js";

/** Where CoAP is when nobody says otherwise. */
export const GOLIOTH_PORT = 5683;
/** Of the artifacts that are a device's firmware. */
const PACKAGE = "main";
const DEVICE = "lamp-1";

/** @param port absent: CoAP's own */
export async function runGolioth(options: SimulateOptions, port: number | undefined, interrupted: AbortSignal): Promise<void> {
	const output = new Console(options);
	const { host, device: [id = DEVICE, ...others] = [], offer = [] } = options;
	if (others.length > 0) throw new UsageError("with --cloud golioth there is one --device: on plain CoAP nobody says who he is");
	const releases = await Promise.all(offer.map(readRelease));
	const cloud = createGoliothCloud();
	try {
		await cloud.serve({ host, port: port ?? GOLIOTH_PORT });
		const { endpoint } = cloud.manufacture(id);
		const run = commandLine(...ownCommand(), "run", "PROGRAM", "--broker", endpoint, "--id", id);
		output.say("cloud", { endpoint }, `Golioth    ${endpoint}, without protection`);
		output.say("device", { device: id, run }, `Device     ${id}\nRun        ${run}`);
		follow(cloud, output);
		for (const { bytes, manifest } of releases) {
			cloud.releases.upload(PACKAGE, manifest.version, bytes);
			const sequence = cloud.releases.deploy(id, `${PACKAGE}@${manifest.version}`);
			output.say("offer", { sequence, devices: [id], manifest }, `Offer      ${PACKAGE}@${manifest.version} to ${id}: ${describeRelease(manifest)}`);
		}
		output.say("ready", {}, "Ready. Ctrl-C ends it.");
		await aborted(interrupted);
	} finally {
		await cloud.close();
	}
	output.say("stopped", {}, "Stopped.");
}

function follow({ registry, state, stream, logs, releases }: GoliothCloud, output: Console): void {
	registry.onChanged = ({ id, online }) => { if (online) output.say("online", { device: id }, `${id} is online`); };
	state.onChanged = (device, path) => {
		const at = path.join("/"), value = state.get(device, at);
		output.say("state", { device, path: at, value }, `${device} .d/${at}: ${JSON.stringify(value)}`);
	};
	for (const sink of [stream, logs]) {
		sink.onMessage = ({ device, path, value, payload }) => {
			output.say("stream", { device, path, value, length: payload.byteLength }, `${device} .s/${path}: ${value === undefined ? `${payload.byteLength} bytes` : JSON.stringify(value)}`);
		};
	}
	releases.onReport = (device, report) => {
		const { package: name, state: stage, reason, version, target } = report;
		output.say("update", { device, ...report }, `${device} ${name} ${version}${target === undefined ? "" : ` to ${target}`}: state ${stage}, reason ${reason}`);
	};
}

/** Who signed it is for the device to judge. */
async function readRelease(file: string): Promise<{ bytes: Uint8Array; manifest: ManifestView }> {
	const { readManifest, viewManifest } = await import("../../release/index.js");
	const bytes = await readBytes(file);
	return { bytes, manifest: viewManifest(readManifest(bytes)) };
}
