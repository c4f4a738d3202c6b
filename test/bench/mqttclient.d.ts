// SPDX-License-Identifier: Apache-2.0
/** Of Moddable's ECMA-419 MQTT client, what the benchmark uses. The module itself is taken from an SDK at bench time. */
declare module "mqttclient" {
	interface ReadOptions { more: boolean }
	interface Control { operation: number; id: number }
	export default class MQTTClient {
		constructor(options: {
			host: string; id: string;
			dns: { io: new () => object };
			socket: { io: new (options: never) => object };
			onReadable?(this: MQTTClient, count: number, options: ReadOptions): void;
			onWritable?(this: MQTTClient, count: number): void;
			onControl?(this: MQTTClient, message: Control): void;
		});
		read(count?: number): ArrayBuffer;
		write(data: Uint8Array, options?: { topic: string; QoS: number; byteLength?: number }): number;
	}
}
