/** The closed table of Queue service operations (Microsoft Learn: Authorize with Microsoft Entra ID, Create a service SAS, Create an account SAS). */
import type { DataOperation, RequiredAction } from './operation.ts'

const services = 'Microsoft.Storage/storageAccounts/queueServices'
const queues = `${services}/queues`
const control = (action: string): RequiredAction => ({ action, plane: 'control' })
const data = (action: string): RequiredAction => ({ action, plane: 'data' })

const messageRead = data(`${queues}/messages/read`)
const messageWrite = data(`${queues}/messages/write`)
const messageAdd = data(`${queues}/messages/add/action`)
const messageDelete = data(`${queues}/messages/delete`)
const messageProcess = data(`${queues}/messages/process/action`)

export const queueOperations: readonly DataOperation[] = [
  {
    name: 'ListQueues',
    level: 'service',
    methods: ['GET'],
    comp: 'list',
    write: false,
    actions: [[control(`${queues}/read`)]],
    serviceSas: '',
    accountSas: { resourceType: 's', permissions: 'l' },
    listing: true,
  },
  {
    name: 'GetQueueServiceProperties',
    level: 'service',
    methods: ['GET'],
    restype: 'service',
    comp: 'properties',
    write: false,
    actions: [[control(`${services}/read`)]],
    serviceSas: '',
    accountSas: { resourceType: 's', permissions: 'r' },
  },
  {
    name: 'SetQueueServiceProperties',
    level: 'service',
    methods: ['PUT'],
    restype: 'service',
    comp: 'properties',
    write: true,
    actions: [[control(`${services}/write`)]],
    serviceSas: '',
    accountSas: { resourceType: 's', permissions: 'w' },
  },
  {
    name: 'CreateQueue',
    level: 'queue',
    methods: ['PUT'],
    write: true,
    actions: [[control(`${queues}/write`)]],
    serviceSas: '',
    accountSas: { resourceType: 'c', permissions: 'cw' },
  },
  {
    name: 'DeleteQueue',
    level: 'queue',
    methods: ['DELETE'],
    write: true,
    actions: [[control(`${queues}/delete`)]],
    serviceSas: '',
    accountSas: { resourceType: 'c', permissions: 'd' },
  },
  {
    name: 'GetQueueMetadata',
    level: 'queue',
    methods: ['GET', 'HEAD'],
    comp: 'metadata',
    write: false,
    actions: [[control(`${queues}/read`)]],
    serviceSas: 'r',
    accountSas: { resourceType: 'c', permissions: 'r' },
  },
  {
    name: 'SetQueueMetadata',
    level: 'queue',
    methods: ['PUT'],
    comp: 'metadata',
    write: true,
    actions: [[control(`${queues}/write`)]],
    serviceSas: '',
    accountSas: { resourceType: 'c', permissions: 'w' },
  },
  {
    name: 'GetQueueACL',
    level: 'queue',
    methods: ['GET', 'HEAD'],
    comp: 'acl',
    write: false,
    actions: [[control(`${queues}/getAcl/action`)]],
    serviceSas: '',
  },
  {
    name: 'SetQueueACL',
    level: 'queue',
    methods: ['PUT'],
    comp: 'acl',
    write: true,
    actions: [[control(`${queues}/setAcl/action`)]],
    serviceSas: '',
  },
  {
    name: 'PutMessage',
    level: 'messages',
    methods: ['POST'],
    write: true,
    actions: [[messageAdd], [messageWrite]],
    serviceSas: 'a',
    accountSas: { resourceType: 'o', permissions: 'a' },
  },
  {
    name: 'PeekMessages',
    level: 'messages',
    methods: ['GET'],
    when: (request) => request.query.get('peekonly') === 'true',
    write: false,
    actions: [[messageRead]],
    serviceSas: 'r',
    accountSas: { resourceType: 'o', permissions: 'r' },
  },
  {
    // Makes messages invisible to others: a write, so it is not repeated and it is audited.
    name: 'GetMessages',
    level: 'messages',
    methods: ['GET'],
    when: (request) => !request.query.has('peekonly'),
    write: true,
    actions: [[messageProcess], [messageDelete, messageRead]],
    serviceSas: 'p',
    accountSas: { resourceType: 'o', permissions: 'p' },
  },
  {
    name: 'ClearMessages',
    level: 'messages',
    methods: ['DELETE'],
    write: true,
    actions: [[messageDelete]],
    serviceSas: '',
    accountSas: { resourceType: 'o', permissions: 'd' },
  },
  {
    name: 'DeleteMessage',
    level: 'message',
    methods: ['DELETE'],
    write: true,
    actions: [[messageDelete], [messageProcess]],
    serviceSas: 'p',
    accountSas: { resourceType: 'o', permissions: 'p' },
  },
  {
    name: 'UpdateMessage',
    level: 'message',
    methods: ['PUT'],
    write: true,
    actions: [[messageWrite]],
    serviceSas: 'u',
    accountSas: { resourceType: 'o', permissions: 'u' },
  },
]
