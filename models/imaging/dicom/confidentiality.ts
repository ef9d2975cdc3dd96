/** What the Basic Application Level Confidentiality Profile does with each attribute, and what the options change (PS3.15, Table E.1-1, 2024b). */
import type { Tag } from './elements.ts';

/**
 * X remove; Z empty; D a dummy in its place; U another UID. Several: the first, unless the kind of object requires the attribute to be there (Z) or
 * to have a value (D, U).
 */
export type BasicAction = 'X' | 'Z' | 'D' | 'U' | 'X/Z' | 'X/D' | 'Z/D' | 'X/Z/D' | 'X/Z/U';

/**
 * What the options change, one letter each: `u` kept where UIDs are, `t` shifted or kept where dates are, `k` kept with full dates only, `d` kept with
 * the device, `i` with the institution, `p` with the characteristics, `q` cleaned with these, `c` cleaned with the descriptors, `s` with structured
 * content, `g` with graphics.
 */
export type OptionLetter = 'u' | 't' | 'k' | 'd' | 'i' | 'p' | 'q' | 'c' | 's' | 'g';

export interface Confidentiality {
  readonly tag: Tag;
  readonly vr: string;
  readonly basic: BasicAction;
  readonly options: ReadonlySet<OptionLetter>;
  readonly name: string;
}

/** Tag, representation, action, letters of the options (- for none), name. Curves (50xx), overlays (60xx) and private groups are rules, not rows. */
const table = `
00001000 UI X u Affected SOP Instance UID
00001001 UI U u Requested SOP Instance UID
00020003 UI U u Media Storage SOP Instance UID
00041511 UI U u Referenced SOP Instance UID in File
00080012 DA X/D t Instance Creation Date
00080013 TM X/Z/D t Instance Creation Time
00080014 UI U u Instance Creator UID
00080015 DT X t Instance Coercion DateTime
00080017 UI U u Acquisition UID
00080018 UI U u SOP Instance UID
00080019 UI U u Pyramid UID
00080020 DA Z t Study Date
00080021 DA X/D t Series Date
00080022 DA X/Z t Acquisition Date
00080023 DA Z/D t Content Date
00080024 DA X t Overlay Date
00080025 DA X t Curve Date
0008002a DT X/Z/D t Acquisition DateTime
00080030 TM Z t Study Time
00080031 TM X/D t Series Time
00080032 TM X/Z t Acquisition Time
00080033 TM Z/D t Content Time
00080034 TM X t Overlay Time
00080035 TM X t Curve Time
00080050 SH Z - Accession Number
00080054 AE X d Retrieve AE Title
00080055 AE X d Station AE Title
00080058 UI U u Failed SOP Instance UID List
00080080 LO X/Z/D i Institution Name
00080081 ST X i Institution Address
00080082 SQ X/Z/D i Institution Code Sequence
00080090 PN Z - Referring Physician's Name
00080092 ST X - Referring Physician's Address
00080094 SH X - Referring Physician's Telephone Numbers
00080096 SQ X - Referring Physician Identification Sequence
0008009c PN Z - Consulting Physician's Name
0008009d SQ X - Consulting Physician Identification Sequence
00080106 DT D t Context Group Version
00080107 DT D t Context Group Local Version
00080201 SH X k Timezone Offset From UTC
00081000 AE X - Network ID
00081010 SH X/Z/D d Station Name
00081030 LO X c Study Description
0008103e LO X c Series Description
00081040 LO X i Institutional Department Name
00081041 SQ X i Institutional Department Type Code Sequence
00081048 PN X - Physician(s) of Record
00081049 SQ X - Physician(s) of Record Identification Sequence
00081050 PN X - Performing Physician's Name
00081052 SQ X - Performing Physician Identification Sequence
00081060 PN X - Name of Physician(s) Reading Study
00081062 SQ X - Physician(s) Reading Study Identification Sequence
00081070 PN X/Z/D - Operators' Name
00081072 SQ X/D - Operator Identification Sequence
00081080 LO X c Admitting Diagnoses Description
00081084 SQ X c Admitting Diagnoses Code Sequence
00081088 LO X c Pyramid Description
00081110 SQ X/Z u Referenced Study Sequence
00081111 SQ X/Z/D u Referenced Performed Procedure Step Sequence
00081120 SQ X - Referenced Patient Sequence
00081140 SQ X/Z/U u Referenced Image Sequence
00081155 UI U u Referenced SOP Instance UID
00081195 UI U u Transaction UID
00082111 ST X c Derivation Description
00082112 SQ X/Z/U u Source Image Sequence
00083010 UI U u Irradiation Event UID
00084000 LT X c Identifying Comments
00100010 PN Z - Patient's Name
00100020 LO Z/D - Patient ID
00100021 LO X - Issuer of Patient ID
00100030 DA Z - Patient's Birth Date
00100032 TM X - Patient's Birth Time
00100040 CS Z p Patient's Sex
00100050 SQ X - Patient's Insurance Plan Code Sequence
00100101 SQ X - Patient's Primary Language Code Sequence
00100102 SQ X - Patient's Primary Language Modifier Code Sequence
00101000 LO X - Other Patient IDs
00101001 PN X - Other Patient Names
00101002 SQ X - Other Patient IDs Sequence
00101005 PN X - Patient's Birth Name
00101010 AS X p Patient's Age
00101020 DS X p Patient's Size
00101030 DS X p Patient's Weight
00101040 LO X - Patient's Address
00101050 LO X - Insurance Plan Identification
00101060 PN X - Patient's Mother's Birth Name
00101080 LO X - Military Rank
00101081 LO X - Branch of Service
00101090 LO X - Medical Record Locator
00101100 SQ X - Referenced Patient Photo Sequence
00102000 LO X c Medical Alerts
00102110 LO X qc Allergies
00102150 LO X - Country of Residence
00102152 LO X - Region of Residence
00102154 SH X - Patient's Telephone Numbers
00102155 LT X - Patient's Telecom Information
00102160 SH X p Ethnic Group
00102180 SH X c Occupation
001021a0 CS X p Smoking Status
001021b0 LT X c Additional Patient History
001021c0 US X p Pregnancy Status
001021d0 DA X t Last Menstrual Date
001021f0 LO X - Patient's Religious Preference
00102203 CS X/Z p Patient's Sex Neutered
00102297 PN X - Responsible Person
00102299 LO X - Responsible Organization
00104000 LT X c Patient Comments
00120010 LO D - Clinical Trial Sponsor Name
00120020 LO D - Clinical Trial Protocol ID
00120021 LO Z - Clinical Trial Protocol Name
00120022 LO X - Issuer of Clinical Trial Protocol ID
00120023 SQ X - Other Clinical Trial Protocol IDs Sequence
00120030 LO Z - Clinical Trial Site ID
00120031 LO Z - Clinical Trial Site Name
00120032 LO X - Issuer of Clinical Trial Site ID
00120040 LO D - Clinical Trial Subject ID
00120041 LO X - Issuer of Clinical Trial Subject ID
00120042 LO D - Clinical Trial Subject Reading ID
00120043 LO X - Issuer of Clinical Trial Subject Reading ID
00120050 LO Z - Clinical Trial Time Point ID
00120051 ST X c Clinical Trial Time Point Description
00120055 LO X - Issuer of Clinical Trial Time Point ID
00120060 LO Z - Clinical Trial Coordinating Center Name
00120071 LO X - Clinical Trial Series ID
00120072 LO X c Clinical Trial Series Description
00120073 LO X - Issuer of Clinical Trial Series ID
00120081 LO D - Clinical Trial Protocol Ethics Committee Name
00120082 LO X - Clinical Trial Protocol Ethics Committee Approval Number
00120086 DA X t Ethics Committee Approval Effectiveness Start Date
00120087 DA X t Ethics Committee Approval Effectiveness End Date
0014407c TM X td Calibration Time
0014407e DA X td Calibration Date
0016002b OB X d Maker Note
0016004b OB X d Device Setting Description
0016004d UT X - Camera Owner Name
0016004e DS X d Lens Specification
0016004f UT X d Lens Make
00160050 UT X d Lens Model
00160051 UT X d Lens Serial Number
00160070 OB X - GPS Version ID
00160071 CS X - GPS Latitude Ref
00160072 DS X - GPS Latitude
00160073 CS X - GPS Longitude Ref
00160074 DS X - GPS Longitude
00160075 US X - GPS Altitude Ref
00160076 DS X - GPS Altitude
00160077 DT X t GPS Time Stamp
00160078 UT X - GPS Satellites
00160079 CS X - GPS Status
0016007a CS X - GPS Measure Mode
0016007b DS X - GPS DOP
0016007c CS X - GPS Speed Ref
0016007d DS X - GPS Speed
0016007e CS X - GPS Track Ref
0016007f DS X - GPS Track
00160080 CS X - GPS Img Direction Ref
00160081 DS X - GPS Img Direction
00160082 UT X - GPS Map Datum
00160083 CS X - GPS Dest Latitude Ref
00160084 DS X - GPS Dest Latitude
00160085 CS X - GPS Dest Longitude Ref
00160086 DS X - GPS Dest Longitude
00160087 CS X - GPS Dest Bearing Ref
00160088 DS X - GPS Dest Bearing
00160089 CS X - GPS Dest Distance Ref
0016008a DS X - GPS Dest Distance
0016008b OB X - GPS Processing Method
0016008c OB X - GPS Area Information
0016008d DT X t GPS Date Stamp
0016008e IS X - GPS Differential
00180010 LO Z/D c Contrast/Bolus Agent
00180027 TM X t Intervention Drug Stop Time
00180035 TM X t Intervention Drug Start Time
00181000 LO X/Z/D d Device Serial Number
00181002 UI U ud Device UID
00181004 LO X d Plate ID
00181005 LO X d Generator ID
00181007 LO X d Cassette ID
00181008 LO X d Gantry ID
00181009 UT X d Unique Device Identifier
0018100a SQ X d UDI Sequence
0018100b UI U ud Manufacturer's Device Class UID
00181012 DA X t Date of Secondary Capture
00181014 TM X t Time of Secondary Capture
00181030 LO X/D c Protocol Name
00181042 TM X t Contrast/Bolus Start Time
00181043 TM X t Contrast/Bolus Stop Time
00181072 TM X t Radiopharmaceutical Start Time
00181073 TM X t Radiopharmaceutical Stop Time
00181078 DT X t Radiopharmaceutical Start DateTime
00181079 DT X t Radiopharmaceutical Stop DateTime
001811bb LO D c Acquisition Field of View Label
00181200 DA X td Date of Last Calibration
00181201 TM X td Time of Last Calibration
00181202 DT X td DateTime of Last Calibration
00181203 DT Z td Calibration DateTime
00181204 DA X td Date of Manufacture
00181205 DA X td Date of Installation
00181400 LO X/D c Acquisition Device Processing Description
00182042 UI U u Target UID
00184000 LT X c Acquisition Comments
00185011 SQ X d Transducer Identification Sequence
0018700a SH X/D d Detector ID
0018700c DA X/D td Date of Last Detector Calibration
0018700e TM X/D td Time of Last Detector Calibration
00189074 DT D t Frame Acquisition DateTime
00189151 DT D t Frame Reference DateTime
00189185 ST X c Respiratory Motion Compensation Technique Description
00189367 UC D d X-Ray Source ID
00189369 DT D t Source Start DateTime
0018936a DT D t Source End DateTime
00189371 UC D d X-Ray Detector ID
00189373 ST X dc X-Ray Detector Label
0018937b UT X c Multi-energy Acquisition Description
0018937f UT X c Decomposition Description
00189424 LT X c Acquisition Protocol Description
00189516 DT X/D t Start Acquisition DateTime
00189517 DT X/D t End Acquisition DateTime
00189623 DT D t Functional Sync Pulse
00189701 DT D t Decay Correction DateTime
00189804 DT D t Exclusion Start DateTime
00189919 DT Z/D t Instruction Performed DateTime
00189937 LO X c Requested Series Description
0018a002 DT X t Contribution DateTime
0018a003 ST X c Contribution Description
0020000d UI U u Study Instance UID
0020000e UI U u Series Instance UID
00200010 SH Z - Study ID
00200027 LO X c Pyramid Label
00200052 UI U u Frame of Reference UID
00200200 UI U u Synchronization Frame of Reference UID
00203401 CS X - Modifying Device ID
00203403 DA X t Modified Image Date
00203405 TM X t Modified Image Time
00203406 LO X - Modified Image Description
00204000 LT X c Image Comments
00209158 LT X c Frame Comments
00209161 UI U u Concatenation UID
00209164 UI U u Dimension Organization UID
00281199 UI U u Palette Color Lookup Table UID
00281214 UI U u Large Palette Color Lookup Table UID
00284000 LT X - Image Presentation Comments
00320012 LO X - Study ID Issuer
00320032 DA X t Study Verified Date
00320033 TM X t Study Verified Time
00320034 DA X t Study Read Date
00320035 TM X t Study Read Time
00321000 DA X t Scheduled Study Start Date
00321001 TM X t Scheduled Study Start Time
00321010 DA X t Scheduled Study Stop Date
00321011 TM X t Scheduled Study Stop Time
00321020 LO X d Scheduled Study Location
00321021 AE X d Scheduled Study Location AE Title
00321030 LO X c Reason for Study
00321032 PN X - Requesting Physician
00321033 LO X - Requesting Service
00321040 DA X t Study Arrival Date
00321041 TM X t Study Arrival Time
00321050 DA X t Study Completion Date
00321051 TM X t Study Completion Time
00321060 LO X/Z c Requested Procedure Description
00321066 UT X c Reason for Visit
00321067 SQ X - Reason for Visit Code Sequence
00321070 LO X c Requested Contrast Agent
00324000 LT X c Study Comments
00340001 SQ D - Flow Identifier Sequence
00340002 OB D - Flow Identifier
00340005 OB D - Source Identifier
00340007 OB D - Frame Origin Timestamp
00380004 SQ X - Referenced Patient Alias Sequence
00380010 LO X - Admission ID
00380011 LO X - Issuer of Admission ID
00380014 SQ X - Issuer of Admission ID Sequence
0038001a DA X t Scheduled Admission Date
0038001b TM X t Scheduled Admission Time
0038001c DA X t Scheduled Discharge Date
0038001d TM X t Scheduled Discharge Time
0038001e LO X - Scheduled Patient Institution Residence
00380020 DA X t Admitting Date
00380021 TM X t Admitting Time
00380030 DA X t Discharge Date
00380032 TM X t Discharge Time
00380040 LO X c Discharge Diagnosis Description
00380050 LO X q Special Needs
00380060 LO X - Service Episode ID
00380061 LO X - Issuer of Service Episode ID
00380062 LO X c Service Episode Description
00380064 SQ X - Issuer of Service Episode ID Sequence
00380300 LO X - Current Patient Location
00380400 LO X - Patient's Institution Residence
00380500 LO X qc Patient State
00384000 LT X c Visit Comments
003a0310 UI U u Multiplex Group UID
003a0314 DT D t Impedance Measurement DateTime
003a0329 ST X c Waveform Filter Description
003a032b ST X c Filter Lookup Table Description
00400001 AE X d Scheduled Station AE Title
00400002 DA X t Scheduled Procedure Step Start Date
00400003 TM X t Scheduled Procedure Step Start Time
00400004 DA X t Scheduled Procedure Step End Date
00400005 TM X t Scheduled Procedure Step End Time
00400006 PN X - Scheduled Performing Physician's Name
00400007 LO X c Scheduled Procedure Step Description
00400009 SH X - Scheduled Procedure Step ID
0040000b SQ X - Scheduled Performing Physician Identification Sequence
00400010 SH X d Scheduled Station Name
00400011 SH X d Scheduled Procedure Step Location
00400012 LO X q Pre-Medication
00400241 AE X d Performed Station AE Title
00400242 SH X d Performed Station Name
00400243 SH X - Performed Location
00400244 DA X t Performed Procedure Step Start Date
00400245 TM X t Performed Procedure Step Start Time
00400250 DA X t Performed Procedure Step End Date
00400251 TM X t Performed Procedure Step End Time
00400253 SH X - Performed Procedure Step ID
00400254 LO X c Performed Procedure Step Description
00400275 SQ X c Request Attributes Sequence
00400280 ST X c Comments on the Performed Procedure Step
00400310 ST X c Comments on Radiation Dose
0040050a LO X - Specimen Accession Number
00400512 LO D - Container Identifier
00400513 SQ Z - Issuer of the Container Identifier Sequence
0040051a LO X c Container Description
00400551 LO D - Specimen Identifier
00400554 UI U u Specimen UID
00400555 SQ X/Z s Acquisition Context Sequence
00400562 SQ Z - Issuer of the Specimen Identifier Sequence
00400600 LO X c Specimen Short Description
00400602 UT X c Specimen Detailed Description
00400610 SQ Z - Specimen Preparation Sequence
004006fa LO X - Slide Identifier
00401001 SH X - Requested Procedure ID
00401002 LO X c Reason for the Requested Procedure
00401004 LO X - Patient Transport Arrangements
00401005 LO X - Requested Procedure Location
0040100a SQ X - Reason for Requested Procedure Code Sequence
00401010 PN X - Names of Intended Recipients of Results
00401011 SQ X - Intended Recipients of Results Identification Sequence
00401101 SQ D - Person Identification Code Sequence
00401102 ST X - Person's Address
00401103 LO X - Person's Telephone Numbers
00401104 LT X - Person's Telecom Information
00401400 LT X c Requested Procedure Comments
00402001 LO X c Reason for the Imaging Service Request
00402004 DA X t Issue Date of Imaging Service Request
00402005 TM X t Issue Time of Imaging Service Request
00402008 PN X - Order Entered By
00402009 SH X - Order Enterer's Location
00402010 SH X - Order Callback Phone Number
00402011 LT X - Order Callback Telecom Information
00402016 LO Z - Placer Order Number / Imaging Service Request
00402017 LO Z - Filler Order Number / Imaging Service Request
00402400 LT X c Imaging Service Request Comments
00403001 LO X - Confidentiality Constraint on Patient Data Description
00404005 DT X t Scheduled Procedure Step Start DateTime
00404008 DT X t Scheduled Procedure Step Expiration DateTime
00404010 DT X t Scheduled Procedure Step Modification DateTime
00404011 DT X t Expected Completion DateTime
00404023 UI U u Referenced General Purpose Scheduled Procedure Step Transaction UID
00404025 SQ X d Scheduled Station Name Code Sequence
00404027 SQ X d Scheduled Station Geographic Location Code Sequence
00404028 SQ X d Performed Station Name Code Sequence
00404030 SQ X d Performed Station Geographic Location Code Sequence
00404034 SQ X - Scheduled Human Performers Sequence
00404035 SQ X - Actual Human Performers Sequence
00404036 LO X - Human Performer's Organization
00404037 PN X - Human Performer's Name
00404050 DT X t Performed Procedure Step Start DateTime
00404051 DT X t Performed Procedure Step End DateTime
00404052 DT X t Procedure Step Cancellation DateTime
0040a023 DA X t Findings Group Recording Date (Trial)
0040a024 TM X t Findings Group Recording Time (Trial)
0040a027 LO D - Verifying Organization
0040a030 DT D t Verification DateTime
0040a032 DT X/D t Observation DateTime
0040a033 DT X t Observation Start DateTime
0040a073 SQ D - Verifying Observer Sequence
0040a075 PN D - Verifying Observer Name
0040a078 SQ X - Author Observer Sequence
0040a07a SQ X - Participant Sequence
0040a07c SQ X - Custodial Organization Sequence
0040a082 DT Z t Participation DateTime
0040a088 SQ Z - Verifying Observer Identification Code Sequence
0040a110 DA X t Date of Document or Verbal Transaction (Trial)
0040a112 TM X t Time of Document Creation or Verbal Transaction (Trial)
0040a120 DT D t DateTime
0040a121 DA D t Date
0040a122 TM D t Time
0040a123 PN D - Person Name
0040a124 UI U u UID
0040a13a DT D t Referenced DateTime
0040a171 UI U u Observation UID
0040a172 UI U u Referenced Observation UID (Trial)
0040a192 DA X t Observation Date (Trial)
0040a193 TM X t Observation Time (Trial)
0040a307 PN X - Current Observer (Trial)
0040a352 PN X - Verbal Source (Trial)
0040a353 ST X - Address (Trial)
0040a354 LO X - Telephone Number (Trial)
0040a358 SQ X - Verbal Source Identifier Code Sequence (Trial)
0040a402 UI U u Observation Subject UID (Trial)
0040a730 SQ D s Content Sequence
0040db06 DT X t Template Version
0040db07 DT X t Template Local Version
0040db0c UI U u Template Extension Organization UID
0040db0d UI U u Template Extension Creator UID
0040e004 DT X t HL7 Document Effective Time
00420011 OB D - Encapsulated Document
00440004 DT X t Approval Status DateTime
0044000b DT X t Product Expiration DateTime
00440010 DT X t Substance Administration DateTime
00440104 DT D t Assertion DateTime
00440105 DT X t Assertion Expiration DateTime
0050001b LO X - Container Component ID
00500020 LO X dc Device Description
00500021 ST X dc Long Device Description
00620021 UI U u Tracking UID
00640003 UI U u Source Frame of Reference UID
00686226 DT D t Effective DateTime
00686270 DT D t Information Issue DateTime
006a0003 UI D - Annotation Group UID
006a0005 LO D c Annotation Group Label
006a0006 UT X c Annotation Group Description
00700001 SQ D g Graphic Annotation Sequence
00700082 DA X t Presentation Creation Date
00700083 TM X t Presentation Creation Time
00700084 PN Z/D - Content Creator's Name
00700086 SQ X - Content Creator's Identification Code Sequence
0070031a UI U u Fiducial UID
00701101 UI U u Presentation Display Collection UID
00701102 UI U u Presentation Sequence Collection UID
0072000a DT D t Hanging Protocol Creation DateTime
0072005e AE D - Selector AE Value
0072005f AS D - Selector AS Value
00720061 DA D - Selector DA Value
00720063 DT D - Selector DT Value
00720065 OB D - Selector OB Value
00720066 LO D - Selector LO Value
00720068 LT D - Selector LT Value
0072006a PN D - Selector PN Value
0072006b TM D - Selector TM Value
0072006c SH D - Selector SH Value
0072006d UN D - Selector UN Value
0072006e ST D - Selector ST Value
00720070 UT D - Selector UT Value
00720071 UR D - Selector UR Value
00741234 AE X d Receiving AE
00741236 AE X d Requesting AE
00880140 UI U u Storage Media File-set UID
00880200 SQ X - Icon Image Sequence
00880904 LO X - Topic Title
00880906 ST X - Topic Subject
00880910 LO X - Topic Author
00880912 LO X - Topic Keywords
01000420 DT X t SOP Authorization DateTime
04000100 UI U u Digital Signature UID
04000105 DT D t Digital Signature DateTime
04000115 OB D - Certificate of Signer
04000310 OB X - Certified Timestamp
04000402 SQ X - Referenced Digital Signature Sequence
04000403 SQ X - Referenced SOP Instance MAC Sequence
04000404 OB X - MAC
04000550 SQ X - Modified Attributes Sequence
04000551 SQ X - Nonconforming Modified Attributes Sequence
04000552 OB X - Nonconforming Data Element Value
04000561 SQ X - Original Attributes Sequence
04000562 DT D t Attribute Modification DateTime
04000563 LO D - Modifying System
04000564 LO Z - Source of Previous Values
04000565 CS D - Reason for the Attribute Modification
04000600 CS X - Instance Origin Status
20300020 LO X - Text String
21000040 DA X t Creation Date
21000050 TM X t Creation Time
21000070 AE X - Originator
21000140 AE D d Destination AE
22000002 UT X/Z - Label Text
22000005 LT X/Z - Barcode Value
30020121 LO X - Position Acquisition Template Name
30020123 LT X c Position Acquisition Template Description
30060002 SH D c Structure Set Label
30060004 LO X - Structure Set Name
30060006 ST X c Structure Set Description
30060008 DA Z t Structure Set Date
30060009 TM Z t Structure Set Time
30060024 UI U u Referenced Frame of Reference UID
30060026 LO Z - ROI Name
30060028 ST X c ROI Description
3006002d DT X t ROI DateTime
3006002e DT X t ROI Observation DateTime
30060038 LO X c ROI Generation Description
3006004d SQ X - ROI Creator Sequence
3006004e SQ X - ROI Interpreter Sequence
30060085 SH X c ROI Observation Label
30060088 ST X c ROI Observation Description
300600a6 PN Z - ROI Interpreter
300600c2 UI U u Related Frame of Reference UID
30080024 DA D t Treatment Control Point Date
30080025 TM D t Treatment Control Point Time
30080054 DA X/D t First Treatment Date
30080056 DA X/D t Most Recent Treatment Date
30080105 LO X/Z d Source Serial Number
30080162 DA D t Safe Position Exit Date
30080164 TM D t Safe Position Exit Time
30080166 DA D t Safe Position Return Date
30080168 TM D t Safe Position Return Time
30080250 DA X/D t Treatment Date
30080251 TM X/D t Treatment Time
300a0002 SH D c RT Plan Label
300a0003 LO X - RT Plan Name
300a0004 ST X c RT Plan Description
300a0006 DA X/D t RT Plan Date
300a0007 TM X/D t RT Plan Time
300a000b LO X - Treatment Sites
300a000e ST X c Prescription Description
300a0013 UI U u Dose Reference UID
300a0016 LO X c Dose Reference Description
300a0072 LO X c Fraction Group Description
300a0083 UI U u Referenced Dose Reference UID
300a00b2 SH X/Z d Treatment Machine Name
300a00c3 ST X c Beam Description
300a00dd ST X c Bolus Description
300a0196 ST X c Fixation Device Description
300a01a6 ST X c Shielding Device Description
300a01b2 ST X c Setup Technique Description
300a0216 LO X d Source Manufacturer
300a022c DA D t Source Strength Reference Date
300a022e TM D t Source Strength Reference Time
300a02eb LT X c Compensator Description
300a0608 LO D c Treatment Position Group Label
300a0609 UI U u Treatment Position Group UID
300a0611 LO Z - RT Accessory Holder Slot ID
300a0615 LO Z - RT Accessory Device Slot ID
300a0619 LO D c Radiation Dose Identification Label
300a0623 LO D c Radiation Dose In-Vivo Measurement Label
300a062a LO D c RT Tolerance Set Label
300a0650 UI U u Patient Setup UID
300a0676 ST X c Equipment Frame of Reference Description
300a067c SH D c Radiation GenerationMode Label
300a067d ST Z c Radiation GenerationMode Description
300a0700 UI U u Treatment Session UID
300a0734 ST D c Treatment Tolerance Violation Description
300a0736 DT D t Treatment Tolerance Violation DateTime
300a073a DT D t Recorded RT Control Point DateTime
300a0741 DT D t Interlock DateTime
300a0742 ST D c Interlock Description
300a0760 DT D t Override DateTime
300a0783 ST D c Interlock Origin Description
300a0785 UI U u Referenced Treatment Position Group UID
300a078e LT X c Patient Treatment Preparation Procedure Parameter Description
300a0792 LT X c Patient Treatment Preparation Method Description
300a0794 LT X c Patient Setup Photo Description
300a079a LO X c Displacement Reference Label
300c0113 LO X c Reason for Omission Description
300c0127 DT D t Beam Hold Transition DateTime
300e0004 DA Z t Review Date
300e0005 TM Z t Review Time
300e0008 PN X/Z - Reviewer Name
30100006 UI U u Conceptual Volume UID
3010000b UI U u Referenced Conceptual Volume UID
3010000f ST Z c Conceptual Volume Combination Description
30100013 UI U u Constituent Conceptual Volume UID
30100015 UI U u Source Conceptual Volume UID
30100017 ST Z c Conceptual Volume Description
3010001b UC Z d Device Alternate Identifier
3010002d LO D dc Device Label
30100031 UI U u Referenced Fiducials UID
30100033 SH D c User Content Label
30100034 LO D c User Content Long Label
30100035 SH D c Entity Label
30100036 LO X - Entity Name
30100037 ST X c Entity Description
30100038 LO D c Entity Long Label
3010003b UI U u RT Treatment Phase UID
30100043 ST Z d Manufacturer's Device Identifier
3010004c DA X/D t Intended Phase Start Date
3010004d DA X/D t Intended Phase End Date
30100054 LO D c RT Prescription Label
30100056 LO X/D c RT Treatment Approach Label
3010005a UT Z c RT Physician Intent Narrative
3010005c ST Z c Reason for Superseding
30100061 UT X c Prior Treatment Dose Description
3010006e UI U u Dosimetric Objective UID
3010006f UI U u Referenced Dosimetric Objective UID
30100077 LO X/D - Treatment Site
3010007a UT Z c Treatment Technique Notes
3010007b UT Z c Prescription Notes
3010007f UT Z c Fractionation Notes
30100081 SQ Z - Prescription Notes Sequence
30100085 TM X t Intended Fraction Start Time
40000010 LT X - Arbitrary
40004000 LT X - Text Comments
40080040 SH X - Results ID
40080042 LO X - Results ID Issuer
40080100 DA X t Interpretation Recorded Date
40080101 TM X t Interpretation Recorded Time
40080102 PN X - Interpretation Recorder
40080108 DA X t Interpretation Transcription Date
40080109 TM X t Interpretation Transcription Time
4008010a PN X - Interpretation Transcriber
4008010b ST X c Interpretation Text
4008010c PN X - Interpretation Author
40080111 SQ X - Interpretation Approver Sequence
40080112 DA X t Interpretation Approval Date
40080113 TM X t Interpretation Approval Time
40080114 PN X - Physician Approving Interpretation
40080115 LT X c Interpretation Diagnosis Description
40080118 SQ X - Results Distribution List Sequence
40080119 PN X - Distribution Name
4008011a LO X - Distribution Address
40080200 SH X - Interpretation ID
40080202 LO X - Interpretation ID Issuer
40080300 ST X c Impressions
40084000 ST X c Results Comments
fffafffa SQ X - Digital Signatures Sequence
fffcfffc OB X - Data Set Trailing Padding
`;

/** The row of each attribute, by its tag. */
export const confidentiality: ReadonlyMap<string, Confidentiality> = new Map(table.trim().split('\n').map((line) => {
  const [number = '', vr = '', basic = '', letters = '', ...name] = line.split(' ');
  const tag: Tag = `x${number}`;
  const options = new Set([...letters].filter((letter) => letter !== '-')) as ReadonlySet<OptionLetter>;
  return [tag, { tag, vr, basic: basic as BasicAction, options, name: name.join(' ') }];
}));
