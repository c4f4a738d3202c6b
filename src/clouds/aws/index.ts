// SPDX-License-Identifier: Apache-2.0
/** AWS IoT Core: its name for programs, and what they may set. The device's id is its thing's name and client id. */
import type { Backoff } from "../../base/backoff.js";
import type { Protocol } from "../../mqtt/constants.js";
import type { Cloud } from "../cloud.js";
import { AwsConnection } from "./connection.js";
import type { Format } from "../format.js";

/** Instead of a certificate: what a custom authorizer of the account is given to judge. */
export interface CustomAuthorizer {
	/** Default: the account's default authorizer. */
	name?: string | undefined;
	/** Name and value of the token, and its signature in base 64; all three where the authorizer checks signatures. */
	tokenKey?: string | undefined;
	token?: string | undefined;
	signature?: string | undefined;
	user?: string | undefined;
	password?: string | undefined;
}

export interface AwsOptions {
	/**
	 * The account's endpoint, `<prefix>-ats.iot.<region>.amazonaws.com`; the factory's, where it assigned one, goes
	 * before it. With a scheme and a port other than 8883, as `mqtts://name:port`, exactly that and no other way.
	 */
	endpoint?: string | undefined;
	/** Default: 5, which tells reasons; 4 is MQTT 3.1.1. */
	protocol?: Protocol | undefined;
	/** ms, from 30,000 to 1,200,000. Default: 60,000. */
	keepAlive?: number | undefined;
	/** Default: decorrelated jitter from 1 s, at most 2 minutes. */
	reconnect?: Backoff | undefined;
	/** Bytes of the largest message that is taken. Default: 16,384. */
	messageMaximum?: number | undefined;
	customAuthorizer?: CustomAuthorizer | undefined;
	/** Name of the fleet provisioning template, for a device that comes with a claim. */
	provisioningTemplate?: string | undefined;
	/** Of the messages that AWS takes in both: files, metrics, provisioning. Default: "cbor". */
	format?: Format | undefined;
}

export function aws(options: AwsOptions = {}): Cloud {
	return { connect: (connection) => new AwsConnection(options, connection).open() };
}

/** The topic that hands a message to the rule of that name and to nobody else: Basic Ingest, which costs less. */
export function ingestTopic(rule: string, topic = ""): string {
	return topic === "" ? `$aws/rules/${rule}` : `$aws/rules/${rule}/${topic}`;
}
