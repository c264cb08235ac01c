package dev.atelier.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import dev.atelier.dataset.image.PillowResize;
import dev.atelier.network.files.ConfigFields;
import dev.atelier.network.files.JsonFile;
import dev.atelier.network.tensors.HostTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * What a {@code CLIPImageProcessor} of transformers makes of square pictures with Pillow: resized
 * (bicubic, 8 bits), the middle of that, and its normal form.
 *
 * @param edge pixels per side that pictures are resized to
 * @param side pixels per side of the middle, which the network is shown
 * @param mean of each channel, which is taken from values in [0, 1]
 * @param deviation of each channel
 */
record ClipPictures(int edge, int side, List<Float> mean, List<Float> deviation) {

  /** Where it is described, by itself or with all that stands before a network. */
  static final String FILE = "preprocessor_config.json";

  static final String WHOLE = "processor_config.json";

  private static final int CHANNELS = 3;
  private static final int MOST_PIXELS = 4096; // per side

  private static final List<ConfigFields.Fixed> FIXED =
      List.of(
          new ConfigFields.Fixed("do_resize", "true", "true"),
          new ConfigFields.Fixed("do_center_crop", "true", "true"),
          new ConfigFields.Fixed("do_rescale", "true", "true"),
          new ConfigFields.Fixed("do_normalize", "true", "true"),
          new ConfigFields.Fixed("resample", "3", "3"), // Pillow's number of bicubic
          new ConfigFields.Fixed("data_format", "\"channels_first\"", "\"channels_first\""));

  private static final Set<String> TYPES =
      Set.of(
          "CLIPImageProcessor",
          "CLIPImageProcessorFast",
          "CLIPImageProcessorPil",
          "CLIPFeatureExtractor");

  private static final Set<String> KNOWN =
      Set.of(
          "do_resize",
          "do_center_crop",
          "do_rescale",
          "do_normalize",
          "resample",
          "data_format",
          "image_processor_type",
          "feature_extractor_type",
          "size",
          "crop_size",
          "image_mean",
          "image_std",
          "rescale_factor",
          "default_to_square", // pictures are square
          "do_convert_rgb", // and RGB
          "processor_class");

  /**
   * Reads the description in a folder.
   *
   * @throws IllegalArgumentException naming the file and the fields that ask for something else, as
   *     a clause
   */
  static ClipPictures read(Path folder) throws IOException {
    ConfigFields fields = fields(folder);
    fields.requireKnown(KNOWN);
    FIXED.forEach(fields::require);
    for (String field : List.of("image_processor_type", "feature_extractor_type")) {
      JsonNode type = fields.value(field, "\"CLIPImageProcessor\"");
      if (!TYPES.contains(type.asText())) {
        fields.fault(field, type, "\"CLIPImageProcessor\"");
      }
    }
    JsonNode scale = fields.value("rescale_factor", "0.00392156862745098");
    if (!scale.isNumber() || Math.abs(scale.asDouble() * 255 - 1) > 1e-6) {
      fields.fault("rescale_factor", scale, "1/255");
    }
    int side = pixels(fields, "crop_size");
    int edge = pixels(fields, "size");
    if (side > edge) {
      fields.fault("crop_size", fields.value("crop_size", "224"), "at most size, " + edge);
    }
    ClipPictures read =
        new ClipPictures(
            edge,
            side,
            channels(fields, "image_mean", "[0.48145466, 0.4578275, 0.40821073]", -1e6),
            channels(fields, "image_std", "[0.26862954, 0.26130258, 0.27577711]", 1e-6));
    fields.refuseFaults();
    return read;
  }

  private static ConfigFields fields(Path folder) throws IOException {
    if (Files.exists(folder.resolve(FILE))) {
      return new ConfigFields(JsonFile.read(folder.resolve(FILE), FILE), FILE);
    }
    if (Files.exists(folder.resolve(WHOLE))) {
      JsonNode whole = JsonFile.read(folder.resolve(WHOLE), WHOLE).path("image_processor");
      return new ConfigFields(whole, "image_processor of " + WHOLE);
    }
    throw new IllegalArgumentException("expected %s, found none".formatted(FILE));
  }

  /** Pixels per side, which every version writes otherwise. */
  private static int pixels(ConfigFields fields, String field) {
    JsonNode found = fields.value(field, "224");
    JsonNode side = found;
    if (found.isObject()) {
      side = found.has("shortest_edge") ? found.get("shortest_edge") : found.path("height");
      boolean square = found.has("shortest_edge") || side.equals(found.path("width"));
      side = square && found.path("longest_edge").isMissingNode() ? side : found;
    }
    if (!side.isInt() || side.asInt() < 1 || side.asInt() > MOST_PIXELS) {
      fields.fault(field, found, "a square of 1 to %d pixels per side".formatted(MOST_PIXELS));
      return 1;
    }
    return side.asInt();
  }

  private static List<Float> channels(
      ConfigFields fields, String field, String absent, double least) {
    JsonNode found = fields.value(field, absent);
    List<Float> values = new ArrayList<>();
    for (JsonNode value : found) {
      double number = value.isNumber() ? value.asDouble() : Double.NaN;
      if (number >= least && number <= 1e6) {
        values.add((float) number);
      }
    }
    if (!found.isArray() || found.size() != CHANNELS || values.size() != CHANNELS) {
      fields.fault(field, found, "%d numbers".formatted(CHANNELS));
    }
    return values;
  }

  /**
   * Checks that it makes what a network reads.
   *
   * @throws IllegalArgumentException naming the field, as a clause
   */
  void check(ClipVision vision) {
    if (vision.side() != side || vision.channels() != CHANNELS) {
      throw new IllegalArgumentException(
          "crop_size of %s is %d pixels per side of %d channels, but image_size of config.json is %d and num_channels %d"
              .formatted(FILE, side, CHANNELS, vision.side(), vision.channels()));
    }
  }

  /**
   * What the network is shown: [count, 3, side, side].
   *
   * @param chw [count, channels, resolution, resolution] as unsigned bytes, of 1 or 3 channels
   */
  HostTensor prepare(byte[] chw, int count, int channels, int resolution) {
    int plane = resolution * resolution;
    float[] prepared = new float[count * CHANNELS * side * side];
    byte[] pixels = new byte[plane];
    int to = 0;
    for (int n = 0; n < count; n++) {
      for (int c = 0; c < CHANNELS; c++) {
        int from = (n * channels + Math.min(c, channels - 1)) * plane;
        System.arraycopy(chw, from, pixels, 0, plane);
        to = normalised(resized(pixels, resolution), c, prepared, to);
      }
    }
    return HostTensor.ofFloats(prepared, count, CHANNELS, side, side);
  }

  private byte[] resized(byte[] plane, int resolution) {
    return PillowResize.resize(
        PillowResize.Filter.BICUBIC, plane, resolution, resolution, 1, edge, edge);
  }

  /** Writes the middle of a plane from {@code to} on; the place behind it. */
  private int normalised(byte[] plane, int channel, float[] prepared, int to) {
    int before = (edge - side) / 2;
    float centre = mean.get(channel);
    float spread = deviation.get(channel);
    int at = to;
    for (int y = 0; y < side; y++) {
      for (int x = 0; x < side; x++) {
        int value = plane[(before + y) * edge + before + x] & 0xff;
        prepared[at++] = ((float) (value * (1 / 255.0)) - centre) / spread;
      }
    }
    return at;
  }
}
