/** The worker of own keys: what is opened here stays here. */
import { SealingError } from "../sealing/errors";
import { HeldActs } from "./acts";
import { KeysLocked } from "./holdings";
import { KitError } from "./kit";
import type { Fault, FromHeld, HeldCallName, HeldCalls, ToHeld } from "./messages";
import { WayRefused } from "./own-key";
import { ownStore } from "./store";

declare const self: DedicatedWorkerGlobalScope;

const acts = new HeldActs(ownStore);

type Handlers = { [N in HeldCallName]: (argument: HeldCalls[N]["argument"], progress: (part: number) => void) => Promise<HeldCalls[N]["answer"]> };

const handlers: Handlers = {
  makeOwn: (argument, progress) => acts.makeOwn(argument, progress),
  unlock: (argument, progress) => acts.unlock(argument, progress),
  addWay: (argument, progress) => acts.addWay(argument, progress),
  unlocked: (argument) => acts.unlocked(argument),
  lock: (argument) => acts.lock(argument),
  newVault: (argument) => acts.newVault(argument),
  newKit: (argument) => acts.newKit(argument),
  checkKit: (argument) => acts.checkKit(argument),
  fromKit: (argument) => acts.fromKit(argument),
  countersign: (argument) => acts.countersign(argument),
  switchBody: (argument) => acts.switchBody(argument),
  sign: (argument) => acts.sign(argument),
  cameraShares: (argument) => acts.cameraShares(argument),
  vaultShare: (argument) => acts.vaultShare(argument),
  renewBody: (argument) => acts.renewBody(argument),
  openPassword: (argument) => acts.openPassword(argument),
  rewrap: (argument) => acts.rewrap(argument),
};

function faultOf(error: unknown): Fault {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof KeysLocked) return { code: "locked", message };
  if (error instanceof WayRefused) return { code: "way-refused", message };
  if (error instanceof KitError) return { code: `kit-${error.fault}`, message };
  if (error instanceof SealingError) return { code: error.code, message };
  return { code: "other", message };
}

function send(message: FromHeld): void {
  self.postMessage(message);
}

async function answer<N extends HeldCallName>(id: number, call: N, argument: HeldCalls[N]["argument"]): Promise<void> {
  try {
    send({ id, answer: await handlers[call](argument, (progress) => send({ id, progress })) });
  } catch (error) {
    send({ id, fault: faultOf(error) });
  }
}

self.onmessage = ({ data }: MessageEvent<ToHeld>) => void answer(data.id, data.call, data.argument);
