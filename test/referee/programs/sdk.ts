// SPDX-License-Identifier: Apache-2.0
/**
 * The vendor's own device SDK as a program of its own: does what the test that started it says, and ends with it.
 *
 * A process, because the SDK's native part keeps the one that it is in alive.
 */
import { iot, iotidentity, iotjobs, iotshadow, mqtt, mqtt5 } from "aws-iot-device-sdk-v2";
import type { Command, ConnectOptions, FromProgram, Service, ToProgram } from "./protocol.js";

/** What requests and streams are made with; the limits are those of the SDK's own samples. */
const LIMITS = { maxRequestResponseSubscriptions: 4, maxStreamingSubscriptions: 2, operationTimeoutInSeconds: 20 };
const KEEP_ALIVE = 60;

/** A client of one service. */
type Methods = { close(): void } & Record<string, (body: object) => unknown>;

interface Stream {
	on(event: string, listener: (event: { message?: unknown; type?: number }) => void): void;
	open(): void;
}

interface Link {
	services: Record<Service, Methods>;
	reconnected(): Promise<void>;
	disconnect(): Promise<void>;
}

let link: Link | undefined;

async function connect5(options: ConnectOptions): Promise<Link> {
	const { host, port, ca, cert, key, clientId, resume = false } = options;
	const builder = iot.AwsIotMqtt5ClientConfigBuilder.newDirectMqttBuilderWithMtlsFromMemory(host, cert, key)
		.withCertificateAuthority(ca).withPort(port)
		.withConnectProperties({ clientId, keepAliveIntervalSeconds: KEEP_ALIVE, ...(resume ? { sessionExpiryIntervalSeconds: 3600 } : {}) });
	if (resume) builder.withSessionBehavior(mqtt5.ClientSessionBehavior.RejoinPostSuccess);
	const client = new mqtt5.Mqtt5Client(builder.build());
	const again = (): Promise<void> => new Promise(resolve => {
		client.once("disconnection", () => { client.once("connectionSuccess", () => { resolve(); }); });
	});
	client.on("error", () => undefined);
	const first = new Promise<void>((resolve, reject) => {
		client.once("connectionSuccess", () => { resolve(); });
		client.once("connectionFailure", ({ error }) => { reject(error); });
	});
	client.start();
	await first;
	let next = again();
	return {
		services: {
			shadow: iotshadow.IotShadowClientv2.newFromMqtt5(client, LIMITS) as unknown as Methods,
			jobs: iotjobs.IotJobsClientv2.newFromMqtt5(client, LIMITS) as unknown as Methods,
			identity: iotidentity.IotIdentityClientv2.newFromMqtt5(client, LIMITS) as unknown as Methods,
		},
		async reconnected() {
			await next;
			next = again();
		},
		async disconnect() {
			const stopped = new Promise(resolve => { client.once("stopped", resolve); });
			client.stop();
			await stopped;
			client.close();
		},
	};
}

async function connect311({ host, port, ca, cert, key, clientId }: ConnectOptions): Promise<Link> {
	const config = iot.AwsIotMqttConnectionConfigBuilder.new_mtls_builder(cert, key)
		.with_certificate_authority(ca).with_endpoint(host).with_port(port).with_client_id(clientId)
		.with_clean_session(true).with_keep_alive_seconds(KEEP_ALIVE).build();
	const connection = new mqtt.MqttClient().new_connection(config);
	connection.on("error", () => undefined);
	await connection.connect();
	return {
		services: {
			shadow: iotshadow.IotShadowClientv2.newFromMqtt311(connection, LIMITS) as unknown as Methods,
			jobs: iotjobs.IotJobsClientv2.newFromMqtt311(connection, LIMITS) as unknown as Methods,
			identity: iotidentity.IotIdentityClientv2.newFromMqtt311(connection, LIMITS) as unknown as Methods,
		},
		reconnected: () => Promise.reject(new Error("only with MQTT 5")),
		async disconnect() { await connection.disconnect(); },
	};
}

async function perform(command: Command, number: number): Promise<unknown> {
	switch (command.do) {
		case "connect":
			link = await (command.options.protocol === 5 ? connect5 : connect311)(command.options);
			return undefined;
		case "disconnect":
			for (const service of Object.values(link!.services)) service.close();
			return link!.disconnect();
		case "reconnected": return link!.reconnected();
		case "request": return link!.services[command.service][command.method]!(command.body);
		case "open": return open(link!.services[command.service][command.method]!(command.body) as Stream, number);
	}
}

function open(stream: Stream, number: number): Promise<void> {
	stream.on("incomingPublish", ({ message }) => { say({ number, event: message }); });
	const established = new Promise<void>((resolve, reject) => {
		stream.on("subscriptionStatus", ({ type }) => {
			if (type === 0) resolve();
			else reject(new Error(`subscription status ${type}`));
		});
	});
	stream.open();
	return established;
}

function say(message: FromProgram): void {
	process.send!(message);
}

process.on("message", ({ number, ...command }: ToProgram) => {
	perform(command, number).then(
		(result: unknown) => { say({ number, result }); },
		(error: Error & { modeledError?: unknown }) => { say({ number, error: error.message, modeled: error.modeledError }); },
	);
});
process.on("disconnect", () => { process.exit(0); });
