/** The regions that resources may name, as Azure's public cloud lists them. */

export interface Region {
  /** e.g. `westeurope`. */
  readonly name: string
  /** e.g. `West Europe`. */
  readonly displayName: string
  readonly geographyGroup: string
  readonly physicalLocation: string
  readonly latitude: string
  readonly longitude: string
  readonly pairedRegion?: string
}

const region = (
  displayName: string,
  geographyGroup: string,
  physicalLocation: string,
  latitude: string,
  longitude: string,
  pairedRegion?: string,
): Region => ({
  name: normalizeLocation(displayName),
  displayName,
  geographyGroup,
  physicalLocation,
  latitude,
  longitude,
  ...(pairedRegion !== undefined && { pairedRegion }),
})

/** Source: "List of Azure regions", learn.microsoft.com/azure/reliability/regions-list. */
export const regions: readonly Region[] = [
  region('East US', 'US', 'Virginia', '37.3719', '-79.8164', 'westus'),
  region('East US 2', 'US', 'Virginia', '36.6681', '-78.3889', 'centralus'),
  region('Central US', 'US', 'Iowa', '41.5908', '-93.6208', 'eastus2'),
  region('North Central US', 'US', 'Illinois', '41.8819', '-87.6278', 'southcentralus'),
  region('South Central US', 'US', 'Texas', '29.4167', '-98.5', 'northcentralus'),
  region('West Central US', 'US', 'Wyoming', '40.89', '-110.234', 'westus2'),
  region('West US', 'US', 'California', '37.783', '-122.417', 'eastus'),
  region('West US 2', 'US', 'Washington', '47.233', '-119.852', 'westcentralus'),
  region('West US 3', 'US', 'Phoenix', '33.448376', '-112.074036', 'eastus'),
  region('Canada Central', 'Canada', 'Toronto', '43.653', '-79.383', 'canadaeast'),
  region('Canada East', 'Canada', 'Quebec', '46.817', '-71.217', 'canadacentral'),
  region('Brazil South', 'South America', 'Sao Paulo State', '-23.55', '-46.633', 'southcentralus'),
  region('North Europe', 'Europe', 'Ireland', '53.3478', '-6.2597', 'westeurope'),
  region('West Europe', 'Europe', 'Netherlands', '52.3667', '4.9', 'northeurope'),
  region('UK South', 'Europe', 'London', '50.941', '-0.799', 'ukwest'),
  region('UK West', 'Europe', 'Cardiff', '53.427', '-3.084', 'uksouth'),
  region('France Central', 'Europe', 'Paris', '46.3772', '2.373', 'francesouth'),
  region('Germany West Central', 'Europe', 'Frankfurt', '50.110924', '8.682127', 'germanynorth'),
  region('Switzerland North', 'Europe', 'Zurich', '47.451542', '8.564572', 'switzerlandwest'),
  region('Norway East', 'Europe', 'Norway', '59.913868', '10.752245', 'norwaywest'),
  region('Sweden Central', 'Europe', 'Gävle', '60.67488', '17.14127', 'swedensouth'),
  region('Italy North', 'Europe', 'Milan', '45.46888', '9.18109'),
  region('Poland Central', 'Europe', 'Warsaw', '52.23334', '21.01666'),
  region('Spain Central', 'Europe', 'Madrid', '40.4259', '-3.4209'),
  region('East Asia', 'Asia Pacific', 'Hong Kong', '22.267', '114.188', 'southeastasia'),
  region('Southeast Asia', 'Asia Pacific', 'Singapore', '1.283', '103.833', 'eastasia'),
  region('Japan East', 'Asia Pacific', 'Tokyo, Saitama', '35.68', '139.77', 'japanwest'),
  region('Japan West', 'Asia Pacific', 'Osaka', '34.6939', '135.5022', 'japaneast'),
  region('Korea Central', 'Asia Pacific', 'Seoul', '37.5665', '126.978', 'koreasouth'),
  region('Central India', 'Asia Pacific', 'Pune', '18.5822', '73.9197', 'southindia'),
  region('South India', 'Asia Pacific', 'Chennai', '12.9822', '80.1636', 'centralindia'),
  region('Australia East', 'Asia Pacific', 'New South Wales', '-33.86', '151.2094', 'australiasoutheast'),
  region('Australia Southeast', 'Asia Pacific', 'Victoria', '-37.8136', '144.9631', 'australiaeast'),
  region('UAE North', 'Middle East', 'Dubai', '25.266666', '55.316666', 'uaecentral'),
  region('Qatar Central', 'Middle East', 'Doha', '25.551462', '51.439327'),
  region('Israel Central', 'Middle East', 'Israel', '31.2655698', '33.4506633'),
  region('South Africa North', 'Africa', 'Johannesburg', '-25.73134', '28.21837', 'southafricawest'),
]

/** The display name of every region: what a type that is available everywhere declares as its locations. */
export const regionDisplayNames: readonly string[] = regions.map((each) => each.displayName)

/** `West Europe` and `westeurope` name the same region. */
export function normalizeLocation(location: string): string {
  return location.replaceAll(' ', '').toLowerCase()
}
