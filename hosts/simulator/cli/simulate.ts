// SPDX-License-Identifier: Apache-2.0
/** `moorline simulate`: the cloud on a laptop, with a factory, until Ctrl-C. */
import { join } from "node:path";
import { type Command, Option } from "commander";
import type { KeyType } from "../authority.js";
import type { IdentityFiles } from "./identity.js";
import { interruptible } from "./interrupt.js";
import { CLOUDS, type CloudName } from "./cloud-names.js";
import { UsageError } from "./console.js";
import { brokerURL, checkFiles, deviceNames, port } from "./options.js";
import { several } from "./release-files.js";

export interface SimulateOptions extends IdentityFiles {
	directory: string;
	host: string;
	port: number;
	tlsPort: number;
	wsPort?: number;
	wssPort?: number;
	coapPort?: number;
	coapsPort?: number;
	coapWsPort?: number;
	coapsWsPort?: number;
	device?: readonly string[];
	offer?: readonly string[];
	keyType: KeyType;
	cloud: CloudName;
	alpnPort?: number;
	broker?: string;
	json?: boolean;
	verbose?: boolean;
	rules?: string;
}

const KEY_TYPE = "keys of new devices; Moddable's TLS signs with RSA only";

export function addSimulate(program: Command): void {
	program.command("simulate")
		.description("Start the cloud: a broker on TCP, TLS and WebSocket, CoAP, device shadows, a registry, and a factory for devices.")
		.addOption(new Option("--cloud <cloud>", "which cloud it is").choices(CLOUDS).default("private"))
		.option("--directory <directory>", "keeps the certificate authority, the devices' certificates and their shadows", join(".moorline", "cloud"))
		.option("--host <address>", "address to listen on", "127.0.0.1")
		.option("--port <port>", "port of MQTT over TCP, where device names are believed, or with --cloud golioth of CoAP (5683); 0: any", port, 1883)
		.option("--tls-port <port>", "port of MQTT over TLS, where certificates prove them; 0: any", port, 8883)
		.option("--ws-port <port>", "port of MQTT over WebSocket, otherwise as --port; default: none", port)
		.option("--wss-port <port>", "port of MQTT over WebSocket with TLS, otherwise as --tls-port; default: none", port)
		.option("--coap-port <port>", "port of CoAP over UDP and over TCP, where device names are believed; 0: any two; default: none, usual: 5683", port)
		.option("--coaps-port <port>", "port of CoAP over TLS, where certificates prove them; 0: any; default: none, usual: 5684", port)
		.option("--coap-ws-port <port>", "port of CoAP over WebSocket, otherwise as --coap-port; default: none", port)
		.option("--coaps-ws-port <port>", "port of CoAP over WebSocket with TLS, otherwise as --coaps-port; default: none", port)
		.option("--alpn-port <port>", "with --cloud aws: port like AWS's 443, told apart by ALPN, WebSocket included; 0: any; default: none", port)
		.option("--device <name>", "manufacture this device; may be repeated", deviceNames)
		.option("--offer <release>", "offer this release to each --device, over MQTT; may be repeated", several)
		.addOption(new Option("--key-type <type>", KEY_TYPE).choices(["P-256", "RSA-2048"]).default("P-256"))
		.option("--broker <url>", "start no broker, but serve the devices of this one: mqtts://name:port or mqtt://name:port", brokerURL)
		.option("--rules <file>", "what to tell of, a JSON list of rules; default: offline for 10 minutes, crashes, updates that failed")
		.option("--ca <file>", "with --broker: its trust anchor, PEM or DER; default: our own authority")
		.option("--cert <file>", "with --broker: the cloud's certificate; default: one of our own authority")
		.option("--key <file>", "with --broker: the private key of --cert")
		.option("--json", "print one JSON object a line")
		.option("--verbose", "show where a failure came from")
		.action(async (options: SimulateOptions, command: Command) => {
			checkFiles(options);
			checkCloud(options);
			if (options.offer !== undefined && options.device === undefined) throw new UsageError("--offer needs --device");
			if (options.cloud === "golioth" && options.rules !== undefined) throw new UsageError("--rules means nothing with --cloud golioth");
			if (options.cloud === "golioth") {
				const { runGolioth } = await import("./run-golioth.js");
				const given = command.getOptionValueSource("port") === "default" ? undefined : options.port;
				return interruptible(interrupted => runGolioth(options, given, interrupted));
			}
			// Only now: who asks for help need not wait for a cloud to load.
			const { runCloud } = await import("./run-cloud.js");
			await interruptible(interrupted => runCloud(options, interrupted));
		});
}

function checkCloud({ cloud, alpnPort, broker, wsPort, wssPort, coapPort, coapsPort, coapWsPort, coapsWsPort }: SimulateOptions): void {
	const ofCoAP = { "--coap-port": coapPort, "--coaps-port": coapsPort, "--coap-ws-port": coapWsPort, "--coaps-ws-port": coapsWsPort };
	const foreign = {
		private: { "--alpn-port": alpnPort },
		aws: { "--broker": broker, "--wss-port": wssPort, ...ofCoAP },
		golioth: { "--broker": broker, "--ws-port": wsPort, "--wss-port": wssPort, "--alpn-port": alpnPort, ...ofCoAP },
	};
	for (const [option, value] of Object.entries(foreign[cloud])) {
		if (value !== undefined) throw new UsageError(`${option} means nothing with --cloud ${cloud}`);
	}
}
