import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createTokenChain, type TokenSource } from './token-chain.ts'
import { AuthenticationFailed, CredentialUnavailable } from './token-error.ts'

const vectors: readonly { name: string; text: string }[] = JSON.parse(
  readFileSync(new URL('./vectors/token-errors.json', import.meta.url), 'utf8'),
)
const text = (name: string): string => vectors.find((vector) => vector.name === name)?.text ?? ''

const scope = 'https://vault.azure.net/.default'
const token = { token: 't', expiresOnTimestamp: 1 }

function counting(answer: () => Promise<typeof token>): TokenSource & { asked: number } {
  const source = {
    asked: 0,
    getToken: () => {
      source.asked++
      return answer()
    },
  }
  return source
}

const unavailable = (message: string) =>
  counting(async () => {
    throw new CredentialUnavailable(message)
  })
const working = () => counting(async () => token)

describe('a chain of credentials', () => {
  it('goes on past one that is not available, and then stays with the one that works', async () => {
    const [first, second] = [unavailable('no'), working()]
    const chain = createTokenChain([first, second])
    await chain.getToken(scope)
    await chain.getToken([scope])
    expect([first.asked, second.asked]).toEqual([1, 2])
  })

  it('stops at one that is refused', async () => {
    const refused = counting(async () => {
      throw new AuthenticationFailed('ClientSecretCredential', 'wrong')
    })
    const next = working()
    await expect(createTokenChain([refused, next]).getToken(scope)).rejects.toThrow(
      'ChainedTokenCredential: failed to acquire a token.\nAttempted credentials:\n\tClientSecretCredential: wrong',
    )
    expect(next.asked).toBe(0)
  })

  it('tells all that are not available, as Go does', async () => {
    const chain = createTokenChain([
      unavailable('managed identity'),
      unavailable('AzureCLICredential: Azure CLI not found on path'),
    ])
    await expect(chain.getToken(scope)).rejects.toThrow(
      expect.objectContaining({ name: 'CredentialUnavailable', message: text('chain all unavailable') }),
    )
  })

  it('shows the response of the one that was refused, as Go does', async () => {
    const body =
      '{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Trace ID: t","error_codes":[7000215],"timestamp":"2026-01-01 00:00:00Z","trace_id":"t","correlation_id":"c"}'
    const url = 'https://login.microsoftonline.com/33333333-3333-3333-3333-333333333333/oauth2/v2.0/token'
    const message = `FromClientSecret(): http call(${url})(POST) error: reply status code was 401:\n${body}`
    const response = { method: 'POST', url, status: 401, reason: 'Unauthorized', errorCode: undefined, body }
    const error = new AuthenticationFailed('ClientSecretCredential', message, response)
    expect(error.message).toBe(text('client secret 401'))
    const chain = createTokenChain([counting(() => Promise.reject(error))])
    await expect(chain.getToken(scope)).rejects.toThrow(
      expect.objectContaining({ message: text('chain client secret 401') }),
    )
  })

  it('is gone through by one caller at a time', async () => {
    const [first, second] = [unavailable('no'), working()]
    const chain = createTokenChain([first, second])
    await Promise.all(Array.from({ length: 5 }, () => chain.getToken(scope)))
    expect([first.asked, second.asked]).toEqual([1, 5])
  })
})
