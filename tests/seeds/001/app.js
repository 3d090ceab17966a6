// A queue app that sends by the connection string of its variable and by its identity, and says what came of each.
import { setInterval } from 'node:timers/promises'
import { DefaultAzureCredential } from '@azure/identity'
import { QueueClient } from '@azure/storage-queue'

const { ConnectionString, QueueName = 'myqueue' } = process.env
const queues = {
  'connection string': () => new QueueClient(ConnectionString, QueueName),
  identity: () =>
    new QueueClient(`https://myqueueaccount.queue.core.windows.net/${QueueName}`, new DefaultAzureCredential()),
}

const last = {}
for await (const _ of setInterval(1000)) {
  for (const [way, queue] of Object.entries(queues)) {
    const outcome = await queue()
      .sendMessage('hello')
      .then(
        () => 'sent',
        (error) => (error.statusCode ? `${error.statusCode} ${error.code}` : error.name),
      )
    if (last[way] !== outcome) console.log(`by ${way}: ${outcome}`)
    last[way] = outcome
  }
}
