/** The notifier thread: takes messages from its port, writes them to the kernel, answers. Ends when the port closes. */
import { workerData } from "node:worker_threads";
import { ringEventfd } from "../sys/eventfd.ts";
import { setThreadName } from "../sys/process.ts";
import { DeviceChannel } from "./channel.ts";
import { notify, type NotifierMessage, type NotifierStart } from "./notifier.ts";
import { NotificationWriter } from "./notify.ts";

const { fd, port, doorbellFd } = workerData as NotifierStart;
const writer = new NotificationWriter(new DeviceChannel(fd));
setThreadName("shoal-notifier");
port.on("message", (message: NotifierMessage) => {
  port.postMessage(notify(writer, message));
  if (doorbellFd !== undefined) ringEventfd(doorbellFd);
});
