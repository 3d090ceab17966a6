/** Turns a CA bundle into the trust store that a Java runtime reads: PKCS #12 (RFC 7292) without a password. */
import { X509Certificate } from 'node:crypto'
import { ContentInfo, id_data } from '@peculiar/asn1-cms'
import {
  AuthenticatedSafe,
  CertBag,
  id_certBag,
  id_x509Certificate,
  PFX,
  PKCS12Attribute,
  SafeBag,
  SafeContents,
} from '@peculiar/asn1-pfx'
import { AsnBmpStringConverter, AsnConvert, AsnObjectIdentifierConverter, OctetString } from '@peculiar/asn1-schema'
import { certificateBlocks } from './ca-bundle.ts'

const FRIENDLY_NAME = '1.2.840.113549.1.9.20'
/** Java takes a certificate in a PKCS #12 file as trusted only with this attribute of Oracle's (JDK-8044445). */
const TRUSTED_KEY_USAGE = '2.16.840.1.113894.746875.1.1'
const ANY_EXTENDED_KEY_USAGE = '2.5.29.37.0'

/**
 * The certificates of a PEM bundle as a PKCS #12 trust store. It holds public certificates only, so it has neither
 * encryption nor a MAC; Java opens it with no trust store password set.
 */
export function javaTrustStore(bundlePem: string): Buffer {
  const bags = certificateBlocks(bundlePem).map((block, index) => {
    const { raw } = new X509Certificate(block)
    const bag = new CertBag({ certId: id_x509Certificate, certValue: octetString(raw) })
    return new SafeBag({
      bagId: id_certBag,
      bagValue: AsnConvert.serialize(bag),
      bagAttributes: [
        attribute(FRIENDLY_NAME, AsnBmpStringConverter.toASN(`ca-${index}`).toBER()),
        attribute(TRUSTED_KEY_USAGE, AsnObjectIdentifierConverter.toASN(ANY_EXTENDED_KEY_USAGE).toBER()),
      ],
    })
  })
  const safe = new AuthenticatedSafe([dataContent(AsnConvert.serialize(new SafeContents(bags)))])
  const store = new PFX({ authSafe: dataContent(AsnConvert.serialize(safe)) })
  // The class fills in an empty MAC, which a reader would try to verify.
  Reflect.deleteProperty(store, 'macData')
  return Buffer.from(AsnConvert.serialize(store))
}

function attribute(id: string, value: ArrayBuffer): PKCS12Attribute {
  // Set one by one: the constructor of 2.11 drops what it is given.
  const result = new PKCS12Attribute()
  result.attrId = id
  result.attrValues = [value]
  return result
}

function dataContent(der: ArrayBuffer): ContentInfo {
  return new ContentInfo({ contentType: id_data, content: octetString(new Uint8Array(der)) })
}

function octetString(bytes: Uint8Array): ArrayBuffer {
  return AsnConvert.serialize(new OctetString(new Uint8Array(bytes)))
}
