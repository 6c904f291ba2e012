// Clips: reading animated GIFs and PNGs, folders of frames and whatever ffmpeg can decode; to and from floats.
#pragma once
#include <string>
#include <vector>

#include "data/image.h"

namespace coopnets {

// The frames of a video in order, all of the same height x width x 3 bytes.
using Clip = std::vector<Image>;

// Whether a comes before b when runs of digits count as numbers: frame2.png before frame10.png.
bool natural_less(const std::string &a, const std::string &b);

// Whether the name ends, in either case, as a video does that read_clip would try: .gif .avi .mp4 .mov .mkv .webm ...
bool has_video_name(const std::string &path);

// The clips that a path stands for, in natural order: a file is one clip; so is a folder of pictures (its frames); a
// folder of video files, or of sub-folders of pictures, is as many clips. Other files and hidden ones are passed over:
// unread_pictures() tells of frames among them. Throws std::runtime_error when there is no such path, or the folder
// holds no clip, or pictures beside clips.
std::vector<std::string> list_clips(const std::string &path);

// The first `frames` frames of a clip (one of list_clips), or all where it has fewer, each cropped and resized to
// height x width as it is read.
//   GIF, animated PNG (by content)   as browsers show them, each frame once, however long it is shown
//   folder of pictures               in natural order of their names, all of the same size
//   one picture                      a clip of one frame
//   anything else                    the ffmpeg program, as a child process: every frame once, whatever its time stamp
// `milliseconds` becomes the time that a frame is shown, on average; it stays where the clip does not tell. Memory: a
// few frames at full size at a time. Throws std::runtime_error naming the file when it cannot be read, is
// empty, corrupt, too large, cut off before the last wanted frame, has no frame, or needs an ffmpeg that is missing or
// fails (its last error line).
Clip read_clip(const std::string &path, int64_t frames, int64_t height, int64_t width, const Crop & = {},
               Resize = Resize::average, int64_t *milliseconds = nullptr);

// What becomes of a clip that is too short: an error, or its frames again, 0 1 2 0 1 2, or back and forth, 0 1 2 1 0 1.
enum class Short { refuse, loop, mirror };
Short parse_short(const std::string &);  // by these names; throws std::runtime_error that says so
// `frames` frames of a clip that has 2 or more, by loop or mirror. Throws std::invalid_argument otherwise.
Clip lengthened(const Clip &, int64_t frames, Short);

// What is stretched so that its minimum becomes -1 and its maximum 1 (all channels together; a constant: all zeros).
enum class Stretch {
  frame,  // each frame, as published
  video,  // the whole clip at once: its brightness does not flicker where the extremes come and go
  fixed   // nothing: bytes from 0 to 255 become -1 to 1
};

// A clip as one example [1,T,H,W,3] of a tensor. Throws std::invalid_argument when frames differ in shape.
std::vector<real> to_reals(const Clip &, Stretch);
// The way back, from an example of this shape: each frame as by to_image(). One channel becomes grey frames.
Clip to_clip(const real *values, const Shape &);

}  // namespace coopnets
