/** How each question may be put. `{image}` is a word for the picture, `{topic}` what the task asks for, `{thing}` a class, `{name}` a label. */

export const wordings = {
  modality: [
    'Which imaging modality is this?', 'What kind of image is this?', 'How was this image made?', 'Name the imaging technique.',
    'Which technique produced this picture?',
    'What type of scan is shown?', 'Which modality do you see?', 'Identify the imaging modality.', 'What sort of medical image is it?',
  ],
  body_part: [
    'Which part of the body does this {image} show?', 'What part of the body is this?', 'Name the body part.', 'Which region of the body is imaged?',
    'What anatomy is shown?',
    'Which body part do you see in this {image}?', 'Identify the body part.', 'What was imaged here?', 'Where in the body was this taken?',
  ],
  specimen: [
    'Which specimen is this?', 'What specimen does this {image} show?', 'What kind of preparation is it?', 'Name the specimen.',
    'What material lies under the microscope?',
    'Which sample do you see?', 'Identify the specimen.', 'What was put under the microscope?', 'What type of sample is shown?',
  ],
  view: [
    'Which view is this {image}?', 'What projection was used?', 'Is this {image} PA, AP or AP supine?', 'Name the projection.',
    'From which direction was this film taken?',
    'How was the patient placed for this {image}?', 'Identify the view.', 'Which projection do you see?', 'What is the view?',
  ],
  laterality: [
    'Which eye is this?', 'Is this the left or the right eye?', 'Which eye does this {image} show?', 'Left eye or right eye?',
    'Name the side of the eye.',
    'From which eye does this {image} come?', 'Identify the eye.', 'What is the laterality of this eye?', 'Whose side is it, left or right?',
  ],
  finding_class: [
    'Which {topic} does this {image} show?', 'What does this {image} show?', 'What is the {topic} here?', 'Name the {topic} in this {image}.',
    'Classify this {image}.',
    'What is the most likely {topic}?', 'Read this {image}: which {topic} fits best?', 'Give the {topic} of this {image}.',
    'Looking at this {image}, what {topic} do you see?',
    'How would you label this {image}?',
  ],
  finding_yes_no: [
    'Does this {image} show {name}?', 'Is this {name}?', 'Would you call this {name}?', 'Is {name} the best label for this {image}?',
    'Do you see {name} here?',
    'Does the picture fit {name}?', 'Could the {topic} be {name}?', 'Is the right reading of this {image} {name}?', 'Is the {topic} {name}?',
  ],
  abnormality_yes_no: [
    'Is there an abnormality?', 'Is this {image} abnormal?', 'Does this {image} show anything abnormal?',
    'Do you see an abnormality in this {image}?', 'Is anything wrong here?',
    'Is there a pathological finding?', 'Is this {image} anything but normal?', 'Are there signs of disease in this {image}?',
    'Does anything abnormal stand out?',
  ],
  abnormality_where: [
    'Is there an abnormality, and where?', 'What is abnormal here, and where is it?', 'Is anything wrong in this {image}? If so, where?',
    'Show me what is abnormal.',
    'Where is the abnormality, if there is one?', 'Is there a lesion, and where does it lie?', 'Point out anything abnormal in this {image}.',
    'Do you see a finding? Where?',
    'Find the abnormality in this {image}.',
  ],
  malignancy_yes_no: [
    'Is this lesion malignant?', 'Is it malignant?', 'Does this {image} show a malignant lesion?', 'Would you call this lesion malignant?',
    'Is the lesion cancer?',
    'Are there signs of malignancy?', 'Is this skin cancer?', 'Is the lesion in this {image} malignant?', 'Does this look malignant?',
  ],
  presence_tumour: [
    'Is there a tumour?', 'Does this {image} show a tumour?', 'Is a kidney tumour visible?', 'Do you see a tumour?',
    'Is any tumour present in this {image}?',
    'Does the kidney hold a tumour?', 'Can a tumour be seen here?', 'Is there a mass in the kidney?', 'Is a tumour present?',
  ],
  presence_fluid: [
    'Is there fluid in the retina?', 'Does this {image} show fluid?', 'Is retinal fluid visible?', 'Do you see fluid?',
    'Is any fluid present in this {image}?',
    'Has fluid gathered in the retina?', 'Can fluid be seen here?', 'Is there a pocket of fluid?', 'Is fluid present?',
  ],
  /** Of all boxes of one or more classes. */
  localization: [
    'Where {be} {thing}? Give boxes.', 'Draw a box around {thing}.', 'Mark {thing} with boxes.', 'Locate {thing}.',
    'Find {thing} in this {image} and give boxes.',
    'Give the bounding boxes of {thing}.', 'Outline {thing} with boxes.', 'Show with boxes where {thing} {be}.', 'Box {thing}.',
    'Detect {thing} in this {image}.',
  ],
  localization_largest: [
    'Draw boxes around the {count} largest {things}.', 'Where are the {count} largest {things}?', 'Mark the {count} largest {things}.',
    'Locate the {count} largest {things}.',
    'Give the boxes of the {count} largest {things}.', 'Find the {count} largest {things}.', 'Box the {count} largest {things}.',
    'Show the {count} largest {things} with boxes.',
  ],
  localization_hull: [
    'Draw one box around all {things}.', 'Give one box that holds all {things}.', 'Where do the {things} lie? Give one box around them all.',
    'Mark the area of the {things} with one box.',
    'Locate the {things} as a whole.', 'Put one box around every {things}.', 'Which region holds the {things}? Give its box.',
    'Box all {things} together.',
  ],
  count: [
    'How many {things} are there?', 'Count the {things}.', 'How many {things} does this {image} show?', 'What is the number of {things}?',
    'Give the number of {things} in this {image}.',
    'How many {things} do you see?', 'Tell me how many {things} are in view.', 'What is the count of {things}?',
    'How many {things} can be seen here?',
  ],
  region_class: [
    'What lies inside {box}?', 'What is in the box {box}?', 'Name the thing inside {box}.', 'Which class is the region {box}?',
    'What do you see at {box}?',
    'Identify what {box} holds.', 'What does the box {box} contain?', 'Label the region {box}.', 'Look at {box}: what is it?',
  ],
  position: [
    'In which part of the image does {thing} lie?', 'Where in the image is {thing}, in words?', 'Which ninth of the image holds {thing}?',
    'Say in words where {thing} is.',
    'What is the position of {thing} in the image?', 'Describe the place of {thing}.', 'Whereabouts in the image is {thing}?',
    'Name the part of the image with {thing}.',
  ],
  side: [
    'On which side of the image is {thing}?', 'Is {thing} on the left or the right of the image?', 'Which half of the image holds {thing}?',
    'Left or right half: where is {thing}?',
    'Does {thing} lie in the left or the right half of the image?', 'On what side of the image do you see {thing}?',
    'Name the side of the image with {thing}.',
    'Which image side shows {thing}?',
  ],
  size: [
    'How {dimension} is {thing}, in pixels?', 'What is the {extent} of {thing} in pixels?', 'Give the {extent} of {thing} in pixels.',
    'Measure the {extent} of {thing}.',
    'How many pixels {dimension} is {thing}?', 'State the {extent} of {thing} in pixels.', 'Tell me how {dimension} {thing} is in pixels.',
    'What {extent} does {thing} have, in pixels?',
  ],
  share: [
    'What share of the image does {thing} cover, in percent?', 'How much of the image does the box of {thing} fill, in percent?',
    'What percentage of the image is {thing}?',
    'Give the area of {thing} as a percentage of the image.', 'How large is {thing}, in percent of the image?',
    'How many percent of the image does {thing} take up?',
    'What part of the image, in percent, lies in the box of {thing}?', 'State the share of {thing} in percent.',
  ],
  larger: [
    'Which is larger, {thing} or {other}?', 'Which covers more of the image, {thing} or {other}?', 'Compare {thing} and {other}: which is larger?',
    'Is {thing} or {other} larger?',
    'Of {thing} and {other}, which has the larger box?', 'Which has the greater area, {thing} or {other}?', 'Name the larger: {thing} or {other}.',
    'Which looks bigger, {thing} or {other}?',
  ],
  brightness_side: [
    'Which half of the image is brighter, left or right?', 'Is the left or the right half brighter?',
    'Compare the left and right halves: which is brighter?', 'Left or right: which side is brighter?',
    'On which side is the image brighter?', 'Which side of this {image} has more light pixels?', 'Name the brighter side of the image.',
    'Which side is brighter, the left or the right?',
  ],
  brightness_vertical: [
    'Which half of the image is brighter, upper or lower?', 'Is the upper or the lower half brighter?',
    'Compare the upper and lower halves: which is brighter?', 'Upper or lower: which half is brighter?',
    'Is this {image} brighter above or below?', 'Name the brighter half, upper or lower.', 'Which half is brighter, the upper or the lower?',
    'In which half, upper or lower, is the image brighter?',
  ],
  brightness_quarter: [
    'Which quarter of the image is brightest?', 'Name the brightest quarter.', 'Where is the brightest quarter of this {image}?',
    'Of the four quarters, which is brightest?',
    'Which corner quarter has the highest mean brightness?', 'Find the brightest quarter of the image.', 'In which quarter is the image brightest?',
    'Which of the four quarters is the brightest?',
  ],
  brightness_level: [
    'How bright is the image on the whole: dark, medium or bright?', 'Is this {image} dark, medium or bright?',
    'Judge the brightness: dark, medium or bright.', 'Dark, medium or bright: how is the image?',
    'What is the overall brightness, dark, medium or bright?', 'Rate the brightness of this {image}: dark, medium or bright.',
    'Would you call the image dark, medium or bright?',
    'On the whole, is it dark, medium or bright?',
  ],
  symmetry: [
    'Are the left and right halves alike?', 'Is the image symmetric from left to right?', 'Do the two halves of this {image} mirror each other?',
    'Is the brightness symmetric?',
    'Does the left half look like a mirror image of the right?', 'Is this {image} symmetric?', 'Are both sides about equally bright all over?',
    'Is there left-right symmetry?',
  ],
  describe: [
    'Describe this {image}.', 'What do you see?', 'Describe what is shown.', 'Give a short description of this {image}.',
    'Tell me about this {image}.',
    'Summarise this {image} in a sentence or two.', 'Report on this {image}.', 'What can be said about this {image}?', 'Write a brief report.',
  ],
} as const satisfies Record<string, readonly string[]>;

export type WordingName = keyof typeof wordings;

/** Ways to list the answers to choose from; the first is the one of evaluation. */
export const listings = ['Choose from: {list}.', 'Options: {list}.', 'Possible answers: {list}.', 'Pick one: {list}.'] as const;

/** Ways to ask for the letter of an option. */
export const letterings = ['Answer with the letter.', 'Give the letter of the right option.', 'Which option is right?', ''] as const;

/** Ends a question that wants the answer without reasoning. */
export const directly = 'Answer directly.';

/** A wording with its slots filled. */
export const fill = (wording: string, slots: Readonly<Record<string, string>>): string =>
  wording.replace(/\{(\w+)\}/g, (whole, slot: string) => slots[slot] ?? whole);
