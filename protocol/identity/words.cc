#include "protocol/identity/words.h"

#include <algorithm>

#include "crypto/base/encoding.h"
#include "crypto/password.h"

namespace tocsin::protocol {
namespace {

constexpr crypto::Argon2Cost kCost{2, 64 * 1024};
constexpr crypto::PasswordSalt kSalt = {'t', 'o', 'c', 's', 'i', 'n', '1', '/', 'w', 'o', 'r', 'd', 's'};
constexpr unsigned kWordBits = 10;

// clang-format off
constexpr std::string_view kWords[] = {
    "abacus", "absorb", "accept", "achieve", "acorn", "acrobat", "action", "actor", "admiral", "adopt",
    "advance", "agent", "agree", "airport", "alarm", "album", "algebra", "alley", "allow", "almond",
    "amber", "amuse", "anchor", "ancient", "ankle", "answer", "antenna", "anthem", "anvil", "apple",
    "apricot", "apron", "arctic", "arena", "argue", "arrange", "arrive", "arrow", "artist", "asphalt",
    "assist", "athlete", "atlas", "attach", "attic", "august", "author", "autumn", "avenue", "avocado",
    "avoid", "awake", "azure", "bacon", "badger", "bagel", "baker", "balance", "balcony", "balloon",
    "bamboo", "banana", "bandage", "banner", "barber", "bargain", "barley", "barrel", "basil", "basket",
    "bathtub", "battery", "beauty", "beaver", "beetle", "begin", "beige", "believe", "belong", "bench",
    "better", "bicycle", "binder", "bingo", "biscuit", "black", "blade", "blanket", "blender", "blink",
    "bliss", "blossom", "blouse", "bonfire", "bonus", "borrow", "bottle", "bounce", "boxer", "bracket",
    "brain", "brave", "breathe", "breeze", "brick", "bridge", "brief", "bright", "broad", "bronze", "broom",
    "broth", "brown", "brush", "bubble", "bucket", "budget", "buffalo", "bugle", "build", "bumper",
    "burger", "burrito", "butcher", "cabbage", "cabin", "cable", "cactus", "camel", "campus", "canary",
    "candy", "canoe", "canvas", "canyon", "capital", "captain", "caramel", "careful", "cargo", "carpet",
    "carrot", "carve", "cashew", "castle", "catch", "celery", "cement", "century", "ceramic", "chain",
    "chalk", "charm", "chase", "cheap", "cheetah", "chemist", "cherry", "chicken", "chimney", "chisel",
    "choir", "chorus", "chuckle", "cinema", "circle", "clamp", "clean", "clever", "cliff", "climate",
    "clinic", "cloak", "closet", "cloud", "clown", "coach", "cobweb", "cocoa", "coffee", "collect",
    "cologne", "comet", "common", "compass", "concert", "condor", "connect", "cookie", "copper", "cosmos",
    "cottage", "cough", "counter", "courage", "cousin", "cowboy", "coyote", "cradle", "crater", "crawl",
    "crayon", "cream", "cricket", "crimson", "crisp", "crooked", "cross", "crumb", "crystal", "culture",
    "curious", "curly", "curtain", "cushion", "custard", "cutlery", "daisy", "dancer", "debate", "decade",
    "decoy", "defend", "degree", "deliver", "delta", "denim", "dense", "dentist", "depot", "desert",
    "design", "detail", "dialog", "diamond", "diary", "dimple", "dinner", "divide", "dizzy", "docket",
    "doctor", "dolphin", "domino", "donkey", "donut", "double", "dragon", "drama", "drawer", "drill",
    "drink", "driver", "drizzle", "dustpan", "dynamo", "eager", "eagle", "early", "earth", "easel",
    "eclipse", "editor", "educate", "effort", "elastic", "elbow", "elegant", "element", "embark", "emblem",
    "emerald", "empty", "enamel", "energy", "engine", "engrave", "enjoy", "enter", "episode", "equator",
    "eraser", "escape", "essay", "evening", "exact", "examine", "expand", "expert", "explain", "extra",
    "eyebrow", "fabric", "factory", "falcon", "famous", "fancy", "farmer", "fashion", "fasten", "father",
    "fence", "ferret", "fetch", "fiber", "fiction", "fiddle", "field", "fiesta", "figure", "filter",
    "final", "finch", "finger", "finish", "fireman", "fisher", "flannel", "flask", "flint", "flock",
    "fluid", "flute", "foggy", "folder", "follow", "forest", "forget", "fortune", "fossil", "fragile",
    "frame", "freezer", "fresh", "friday", "friend", "fringe", "frost", "frozen", "fruit", "fuchsia",
    "fudge", "funny", "furrow", "future", "fuzzy", "gadget", "galaxy", "gallop", "garage", "garden",
    "garlic", "gazelle", "gecko", "general", "genius", "gentle", "genuine", "geyser", "gibbon", "giggle",
    "giraffe", "glacier", "glass", "glide", "glitter", "globe", "gloomy", "goggles", "goose", "gopher",
    "gossip", "grammar", "granite", "grape", "gravy", "green", "guard", "guess", "guitar", "gurgle",
    "gutter", "habit", "hallway", "hammer", "hamster", "handle", "happen", "harbor", "harmony", "harness",
    "harsh", "harvest", "haven", "hazard", "healthy", "heavy", "helium", "helmet", "heron", "hexagon",
    "hinge", "hippo", "history", "hobby", "hockey", "holiday", "honey", "honor", "horizon", "hotel",
    "house", "hover", "humble", "humor", "hungry", "hunter", "hurdle", "hydrant", "iceberg", "icing",
    "ideal", "igloo", "ignore", "iguana", "imagine", "impact", "improve", "include", "income", "index",
    "indigo", "infant", "inform", "inkwell", "insect", "invite", "invoice", "island", "ivory", "jackal",
    "jaguar", "janitor", "january", "jasmine", "jeans", "jelly", "jewel", "jigsaw", "journal", "juggler",
    "juice", "jumbo", "jungle", "junior", "justice", "karate", "kayak", "kennel", "ketchup", "kettle",
    "khaki", "kimono", "kiosk", "kitchen", "kitten", "kneel", "knuckle", "koala", "label", "lacquer",
    "ladder", "lagoon", "lantern", "laptop", "large", "lasso", "laugh", "laundry", "leader", "learn",
    "leather", "leave", "ledger", "legend", "lemon", "lemur", "lentil", "leopard", "lettuce", "library",
    "lighter", "lilac", "limit", "linen", "liquid", "listen", "little", "lizard", "llama", "lobster",
    "logic", "lonely", "lotion", "lotus", "loyal", "lucky", "lullaby", "lumber", "lunar", "lunch", "luxury",
    "lyric", "machine", "magenta", "magnet", "magpie", "mailbox", "major", "mammoth", "mango", "mansion",
    "mantis", "maple", "marble", "market", "marmot", "maroon", "mascot", "mason", "massive", "mauve",
    "maximum", "meadow", "measure", "mellow", "melon", "memory", "message", "meter", "method", "mighty",
    "mimic", "mineral", "minute", "miracle", "mirror", "modern", "moment", "monday", "monsoon", "mosaic",
    "mother", "motor", "motto", "mouth", "movie", "muffin", "mural", "museum", "myrtle", "mystery",
    "napkin", "nature", "nebula", "nectar", "needle", "nephew", "network", "nickel", "nimble", "noble",
    "noisy", "noodle", "normal", "north", "nostril", "notice", "nozzle", "nugget", "nurse", "nutmeg",
    "nylon", "oasis", "oatmeal", "obelisk", "object", "observe", "ocean", "ochre", "octopus", "offer",
    "officer", "olive", "olympic", "omelet", "onion", "opera", "option", "orange", "orbit", "orchid",
    "order", "oregano", "origin", "ostrich", "otter", "outfit", "oxygen", "oyster", "package", "paddle",
    "padlock", "paint", "pajamas", "palace", "pancake", "panda", "panel", "panther", "papaya", "paper",
    "parcel", "parent", "parsley", "partner", "pasta", "patient", "pattern", "peacock", "peanut", "pearl",
    "pebble", "pecan", "pelican", "pencil", "penguin", "pepper", "percent", "perform", "period", "piano",
    "pickle", "picnic", "picture", "pigeon", "pigment", "pillow", "pilot", "piranha", "pitcher", "pixel",
    "pizza", "plank", "plaque", "plate", "plaza", "plenty", "plywood", "podium", "police", "polka",
    "popcorn", "poppy", "popular", "porter", "potato", "pottery", "pouch", "powder", "prairie", "prawn",
    "prefer", "prepare", "pretzel", "printer", "prism", "prize", "problem", "program", "project", "promise",
    "proof", "proud", "pudding", "pulley", "pumpkin", "pupil", "purple", "puzzle", "pyramid", "quality",
    "queen", "quick", "quiet", "quiver", "quota", "rabbit", "raccoon", "radar", "radish", "railway",
    "rainbow", "raisin", "rally", "ranch", "random", "rapid", "ravine", "razor", "reach", "ready",
    "receive", "recipe", "record", "recycle", "reform", "region", "regular", "relax", "relic", "repair",
    "repeat", "reply", "report", "reptile", "rescue", "return", "reward", "rhino", "rhubarb", "rider",
    "rinse", "ritual", "robin", "robot", "rodeo", "romance", "rooster", "rotate", "round", "rowboat",
    "rubber", "rudder", "ruffle", "rugby", "ruler", "rusty", "sachet", "safari", "saffron", "sailor",
    "salad", "salmon", "salsa", "salty", "salute", "sample", "sardine", "satchel", "satin", "saucer",
    "sauna", "sausage", "savanna", "scale", "scarf", "school", "science", "scooter", "scout", "scratch",
    "screw", "script", "search", "season", "sequin", "serious", "serpent", "sesame", "several", "shadow",
    "shake", "shallow", "sheep", "shelf", "shield", "shine", "shirt", "shore", "shovel", "shower", "shrimp",
    "shuffle", "shutter", "sieve", "signal", "silent", "silky", "silver", "siren", "sister", "skater",
    "sketch", "skill", "sleeve", "slipper", "slogan", "slope", "sloth", "small", "smart", "smile", "smoke",
    "smooth", "smudge", "snack", "snail", "sneeze", "soccer", "society", "solar", "solid", "solve",
    "sonnet", "space", "sparrow", "spatula", "speak", "special", "speech", "spell", "sphere", "spicy",
    "spinach", "spirit", "splash", "sponge", "spoon", "sport", "spring", "sprout", "squash", "squid",
    "stadium", "stamp", "stand", "staple", "statue", "steady", "stencil", "sticky", "stiff", "stitch",
    "stomach", "stone", "stool", "stork", "strange", "stream", "strong", "student", "subject", "suburb",
    "success", "sugar", "summer", "sundae", "sunset", "super", "surgeon", "sweater", "swift", "swing",
    "swirl", "syringe", "syrup", "system", "tactic", "tadpole", "talent", "target", "tassel", "tattoo",
    "teacher", "teapot", "tease", "tenant", "tender", "tennis", "terrace", "textile", "thank", "theater",
    "theory", "thick", "thimble", "thistle", "thread", "throat", "thumb", "thunder", "tiara", "ticket",
    "tiger", "tight", "timber", "tinsel", "tired", "toast", "token", "tomato", "tongue", "tonic", "tooth",
    "topaz", "torch", "totem", "toucan", "tourist", "towel", "tractor", "trailer", "trapeze", "travel",
    "tribe", "tripod", "triumph", "trolley", "trout", "truck", "trumpet", "trust", "truth", "tuesday",
    "tugboat", "tulip", "tundra", "tunnel", "turbine", "turkey", "turnip", "turtle", "tutor", "tuxedo",
    "tweed", "twist", "ultra", "uncle", "unfold", "unicorn", "uniform", "unique", "unlock", "unpack",
    "upgrade", "upper", "upset", "urban", "useful", "usher", "usual", "vacuum", "vague", "valid", "valve",
    "vanilla", "vapor", "varnish", "vault", "vehicle", "velcro", "velvet", "vendor", "verse", "vessel",
    "veteran", "victory", "video", "viking", "village", "vinegar", "vintage", "violin", "visitor",
    "vitamin", "vivid", "voice", "volcano", "volume", "vortex", "voyage", "wafer", "waffle", "wagon",
    "waiter", "wallet", "walnut", "walrus", "wander", "wealth", "wedge", "weird", "wheel", "white",
    "wigwam", "window", "winter", "wisdom", "wobbly", "wombat", "wooden", "worker", "world", "worry",
    "wreath", "wrench", "yacht", "yogurt", "young", "zebra", "zesty", "zigzag", "zipper",
};
// clang-format on
static_assert(std::size(kWords) == 1024);

std::string letters_only(std::string_view typed) {
  std::string out;
  bool between = false;
  for (const char c : typed) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter) {
      if (between && !out.empty()) out += ' ';
      out += static_cast<char>(c | 0x20);
    } else if (c != ' ' && c != '\t' && c != ',' && c != '-' && c != '\n') {
      out += c;
    }
    between = !letter;
  }
  return out;
}

}  // namespace

std::span<const std::string_view, 1024> word_list() {
  return kWords;
}

Result<SafetyWords> safety_words(const Hash& fingerprint) {
  TRY_ASSIGN(const Secret<32> stretched, crypto::derive_key(fingerprint, kSalt, kCost));
  const auto bits = get_be<std::uint64_t>(stretched.expose().data());
  SafetyWords words;
  for (std::size_t i = 0; i < kSafetyWords; ++i)
    words[i] = kWords[bits >> (64 - kWordBits * (i + 1)) & ((1u << kWordBits) - 1)];
  return words;
}

std::string print_words(const SafetyWords& words) {
  std::string out;
  for (const std::string_view word : words) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

bool words_are(std::string_view typed, const SafetyWords& words) {
  return letters_only(typed) == print_words(words);
}

}  // namespace tocsin::protocol
